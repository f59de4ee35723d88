"""kill -9 under load: 200 streams run, the gate dies at a random moment, starts again on the same data, and its books
are compared with the demo provider's own tally. Every call whose last byte a client read has exactly one usage row
with the tally's tokens; no call is booked twice; what was cut off costs nothing."""

import argparse
import asyncio
import collections
import json
import os
import pathlib
import random
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from decimal import Decimal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

STREAMS = 200
CHUNK_DELAY_MS = 5
LENGTHS = (10, 70)
# The blow falls this long after the first answer was complete, when some streams begin, some run and some end.
LATEST_BLOW_SECONDS = 1.5
FIRST_ANSWER_WITHIN_SECONDS = 30
DRAINED_WITHIN_SECONDS = 60


class Seen:
    """What one client saw of its call."""

    def __init__(self, request_id):
        self.request_id = request_id
        self.completion_id = None
        self.finished = False


async def client(gate, request_id, length, seen):
    """One stream of so many chunks, read from a plain socket until its end or the gate's."""
    mine = seen.setdefault(request_id, Seen(request_id))
    address = urllib.parse.urlsplit(gate.base_url)
    body = json.dumps(
        {
            "model": "demo-fast",
            "messages": [{"role": "user", "content": f"count to {length}"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {gate.api_key}\r\n"
        f"content-type: application/json\r\nx-request-id: {request_id}\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()
    writer = None
    try:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(head + body)
        received = b""
        while piece := await reader.read(65536):
            received += piece
            if mine.completion_id is None and b'"id":"' in received:
                mine.completion_id = received.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
            if b"data: [DONE]" in received:
                mine.finished = True
    except OSError:
        pass  # The gate is dead; that is the point.
    finally:
        if writer:
            writer.close()


async def load(gate, round_number, seen, seconds):
    """Keeps 200 streams running, and kills the gate some seconds after the first of them is complete."""
    alive, first_done = [True], asyncio.Event()

    async def lane(number):
        call = 0
        while alive:
            request_id = f"kill-{round_number}-{number}-{call}"
            # Lengths differ, so that the lanes do not march in step and no two calls need have the same tokens.
            await client(gate, request_id, random.randint(*LENGTHS), seen)
            if seen[request_id].finished:
                first_done.set()
            call += 1

    lanes = [asyncio.create_task(lane(number)) for number in range(STREAMS)]
    try:
        await asyncio.wait_for(first_done.wait(), FIRST_ANSWER_WITHIN_SECONDS)
        await asyncio.sleep(seconds)
    finally:
        alive.clear()
        gate.kill()
    await asyncio.gather(*lanes)


def tally_of(provider):
    with urllib.request.urlopen(provider.tally_url, timeout=30) as answer:
        shown = json.load(answer)
    assert shown["forgotten"] == 0, "the tally forgot calls; the rounds are too long"
    return {call["id"]: call for call in shown["calls"]}


def drained(gate, wanted):
    """Waits until the books hold every call that a client saw finished, and no more come."""
    until = time.monotonic() + DRAINED_WITHIN_SECONDS
    before = -1
    while True:
        rows = gate.usage()
        booked = {row["request_id"] for row in rows}
        if wanted <= booked and len(rows) == before:
            return rows
        if time.monotonic() > until:
            missing = sorted(wanted - booked)
            raise AssertionError(f"{len(missing)} finished calls are not in the books: {missing[:5]}")
        before = len(rows)
        time.sleep(0.3)


def compare(rows, seen, tally):
    """Everything that is wrong, as sentences."""
    wrong = []
    for name in ("call_id", "request_id"):
        doubled = [value for value, count in collections.Counter(row[name] for row in rows).items() if count > 1]
        wrong += [f"{name} {value} is booked twice" for value in doubled]
    by_request = {row["request_id"]: row for row in rows}
    for mine in seen.values():
        row = by_request.get(mine.request_id)
        if row is None:
            if mine.finished:
                wrong.append(f"{mine.request_id}: finished, but not booked")
            continue
        if mine.finished and row["outcome"] != "complete":
            wrong.append(f"{mine.request_id}: finished, but booked as {row['outcome']}")
        entry = tally.get(mine.completion_id)
        if row["outcome"] == "complete" and entry:
            ours = (row["tokens"]["input"], row["tokens"]["output"])
            theirs = (entry["prompt_tokens"], entry["completion_tokens"])
            if ours != theirs:
                wrong.append(f"{mine.request_id}: the gate booked {ours}, the provider {theirs}")
        elif row["outcome"] == "complete" and mine.completion_id:
            wrong.append(f"{mine.request_id}: the provider knows nothing of {mine.completion_id}")
        if row["outcome"] == "interrupted" and (Decimal(row["cost_usd"]) != 0 or sum(row["tokens"].values())):
            wrong.append(f"{mine.request_id}: interrupted, but billed")
    return wrong


def one_round(number, provider, data_dir, seen):
    from gateway import Gate

    gate = Gate(data_dir, upstream_url=provider.base_url)
    moment = random.uniform(0, LATEST_BLOW_SECONDS)
    asyncio.run(load(gate, number, seen, moment))
    gate = Gate(data_dir, upstream_url=provider.base_url)
    try:
        rows = drained(gate, {mine.request_id for mine in seen.values() if mine.finished})
        wrong = compare(rows, seen, tally_of(provider))
    finally:
        code = gate.stop()
    if code != 0:
        wrong.append(f"the gate did not stop in order: exit code {code}")
    mine = [one for one in seen.values() if one.request_id.startswith(f"kill-{number}-")]
    finished = sum(one.finished for one in mine)
    outcomes = collections.Counter(row["outcome"] for row in rows if row["request_id"].startswith(f"kill-{number}-"))
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"round {number}: killed {moment:.2f} s after the first answer; {len(mine)} calls, {finished} finished; booked: {told}", flush=True)
    return wrong, finished


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--binary")
    parser.add_argument("--seed", type=int, default=None, help="repeat the moments of an earlier run")
    options = parser.parse_args()
    if options.binary:
        os.environ["GATE_BINARY"] = options.binary
    from gateway import DemoProvider

    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    random.seed(seed)
    print(f"kill -9: {options.rounds} rounds of {STREAMS} streams, seed {seed}", flush=True)
    wrong, finished, seen = [], 0, {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        provider = DemoProvider(folder / "provider.log", delay_ms=CHUNK_DELAY_MS)
        try:
            for number in range(1, options.rounds + 1):
                faults, count = one_round(number, provider, folder / "gate", seen)
                wrong += faults
                finished += count
        finally:
            provider.kill()
    for sentence in wrong[:20]:
        print(f"WRONG {sentence}")
    if finished == 0:
        wrong.append("no call finished: nothing was shown")
        print(wrong[-1])
    print(f"{finished} finished calls compared with the provider's tally: {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
