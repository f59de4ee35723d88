"""The books: what `portcullis usage` shows is what the client was told, and leaving early is written down."""

from decimal import Decimal

import httpx

from conftest import client_of, say
from gateway import wait_for


def test_the_books_say_what_the_client_was_told(gate):
    raw = client_of(gate).chat.completions.with_raw_response.create(model="demo-smart", messages=say("Hello"))
    answer = raw.parse()
    row = gate.usage_of(raw.headers["x-request-id"])
    assert row["tokens"]["input"] == answer.usage.prompt_tokens
    assert row["tokens"]["output"] == answer.usage.completion_tokens
    assert Decimal(row["cost_usd"]) == Decimal(raw.headers["x-portcullis-cost-usd"])
    assert (row["outcome"], row["source"]) == ("complete", "provider")
    assert row["model_asked"] == row["model"] == "demo-smart"


def test_a_stream_and_an_embedding_are_booked_too(gate):
    client = client_of(gate)
    stream = client.chat.completions.create(
        model="demo-fast", messages=say("Hello"), stream=True, stream_options={"include_usage": True},
        extra_headers={"x-request-id": "booked-stream"},
    )
    usage = list(stream)[-1].usage
    row = gate.usage_of("booked-stream")
    assert (row["tokens"]["input"], row["tokens"]["output"]) == (usage.prompt_tokens, usage.completion_tokens)
    answer = client.embeddings.create(
        model="demo-embed", input="a gate", extra_headers={"x-request-id": "booked-embedding"}
    )
    row = gate.usage_of("booked-embedding")
    assert (row["tokens"]["input"], row["tokens"]["output"]) == (answer.usage.prompt_tokens, 0)


def test_a_request_id_sent_twice_is_two_calls(gate):
    for _ in range(2):
        client_of(gate).chat.completions.create(
            model="demo-fast", messages=say("Hello"), extra_headers={"x-request-id": "sent-twice"}
        )
    wait_for(
        lambda: gate.usage("--request-id", "sent-twice")[1:] or None, "the second row"
    )
    rows = gate.usage_of("sent-twice", count=2)
    assert rows[0]["call_id"] != rows[1]["call_id"]


def test_leaving_a_stream_stops_the_upstream_and_is_booked(slow_gate, provider):
    stream = client_of(slow_gate).chat.completions.create(
        model="demo-fast", messages=say("count to 100000"), stream=True, extra_headers={"x-request-id": "left-early"}
    )
    identity = None
    for number, chunk in enumerate(stream):
        identity = chunk.id
        if number == 10:
            break
    stream.close()

    def tally_entry():
        calls = httpx.get(provider.tally_url).json()["calls"]
        return next((call for call in calls if call["id"] == identity and call["cancelled"]), None)

    entry = wait_for(tally_entry, "the cancellation at the upstream", within_seconds=5)
    assert entry["completion_tokens"] < 1000
    row = slow_gate.usage_of("left-early")
    assert row["outcome"] == "cancelled"
    assert row["source"] == "estimated" and row["tokens"]["output"] > 0


def test_books_and_keys_outlive_a_restart(folder):
    from gateway import Gate

    first = Gate(folder / "restart")
    client_of(first).chat.completions.create(
        model="demo-fast", messages=say("Hello"), extra_headers={"x-request-id": "before-restart"}
    )
    key = first.new_key("survivor")
    assert first.stop() == 0
    second = Gate(folder / "restart")
    try:
        assert second.usage_of("before-restart")["outcome"] == "complete"
        client_of(second, key).chat.completions.create(model="demo-fast", messages=say("Hello"))
    finally:
        second.kill()
