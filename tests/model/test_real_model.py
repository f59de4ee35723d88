"""A real model behind the gate: whole, streamed, metered, and left in mid-sentence."""

import json
import time
import urllib.request

from gateway import wait_for

QUESTION = [{"role": "user", "content": "Write one sentence about a gate in a city wall."}]
# The model need not be right, but it must be the same twice.
STEADY = {"model": "smollm2", "temperature": 0, "seed": 7}


def slots(model_server):
    with urllib.request.urlopen(model_server.removesuffix("/v1") + "/slots", timeout=10) as answer:
        return json.load(answer)


def busy(model_server):
    return sum(slot["is_processing"] for slot in slots(model_server))


def test_a_whole_answer_has_words_and_the_providers_usage(client, gate):
    raw = client.chat.completions.with_raw_response.create(messages=QUESTION, max_tokens=40, **STEADY)
    answer = raw.parse()
    words = answer.choices[0].message.content.split()
    assert len(words) >= 5 and sum(word.strip(".,!?'\"").isalpha() for word in words) >= 4, words
    assert answer.choices[0].finish_reason in ("stop", "length")
    row = gate.usage_of(raw.headers["x-request-id"])
    assert (row["outcome"], row["source"]) == ("complete", "provider")
    assert row["tokens"]["input"] + row["tokens"].get("cache_read", 0) == answer.usage.prompt_tokens > 10
    assert row["tokens"]["output"] == answer.usage.completion_tokens > 0


def test_the_stream_is_the_whole_answer_in_pieces(client, gate):
    whole = client.chat.completions.create(messages=QUESTION, max_tokens=40, **STEADY)
    chunks = list(
        client.chat.completions.create(
            messages=QUESTION, max_tokens=40, stream=True, stream_options={"include_usage": True},
            extra_headers={"x-request-id": "real-stream"}, **STEADY,
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 10, "it came in pieces"
    usage = chunks[-1].usage
    assert chunks[-1].choices == []
    assert (usage.prompt_tokens, usage.completion_tokens) == (
        whole.usage.prompt_tokens,
        whole.usage.completion_tokens,
    )
    row = gate.usage_of("real-stream")
    assert (row["outcome"], row["source"]) == ("complete", "provider")
    assert row["tokens"]["output"] == usage.completion_tokens


def test_a_stream_that_did_not_ask_sees_no_usage(client, gate):
    chunks = list(
        client.chat.completions.create(
            messages=QUESTION, max_tokens=10, stream=True, extra_headers={"x-request-id": "real-quiet"}, **STEADY
        )
    )
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert gate.usage_of("real-quiet")["source"] == "provider", "the gate asked for itself"


def test_leaving_stops_the_generation(client, gate, model_server):
    assert busy(model_server) == 0
    stream = client.chat.completions.create(
        messages=[{"role": "user", "content": "Tell a very long story about a gate."}],
        # Without an end of its own the model would write until the context is full.
        max_tokens=1900, stream=True, extra_headers={"x-request-id": "real-left"},
        extra_body={"ignore_eos": True}, **STEADY,
    )
    for number, _ in enumerate(stream):
        if number == 10:
            break
    assert busy(model_server) == 1
    left = time.monotonic()
    stream.close()
    wait_for(lambda: True if busy(model_server) == 0 else None, "an idle model server", within_seconds=5)
    assert time.monotonic() - left < 5
    row = gate.usage_of("real-left")
    assert (row["outcome"], row["source"]) == ("cancelled", "estimated")
    assert 0 < row["tokens"]["output"] < 1000
