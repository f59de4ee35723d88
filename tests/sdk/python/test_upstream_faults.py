"""An upstream that is down, stalls, lies or stops: the exact answers, and books that hold only what was produced."""

import time

import openai
import pytest

import upstream as steps
from conftest import client_of, say

HALF = [steps.chunk({"role": "assistant", "content": ""}), *(steps.chunk({"content": f"w{i} "}) for i in range(5))]
USAGE = {**steps.chunk({}), "choices": [], "usage": steps.GOOD_USAGE}
DONE = b"data: [DONE]\n\n"


def stream(gate, request_id):
    return client_of(gate).chat.completions.create(
        model="scripted", messages=say("Hello"), stream=True, extra_headers={"x-request-id": request_id}
    )


def test_an_upstream_that_is_down(folder):
    from gateway import Gate
    from upstream import Upstream

    gone = Upstream()
    gate = Gate(folder / "down", upstream_url=gone.base_url)
    gone.close()
    try:
        with pytest.raises(openai.InternalServerError) as failed:
            client_of(gate).chat.completions.create(model="scripted", messages=say("Hello"))
        assert failed.value.status_code in (502, 503)
        assert failed.value.body["code"] in ("provider_error", "no_available_route")
        row = gate.usage_of(failed.value.request_id)
        assert row["outcome"] == "failed" and float(row["cost_usd"]) == 0 and row["source"] == "none"
    finally:
        gate.kill()


def test_an_upstream_that_never_answers(scripted):
    gate, upstream = scripted
    upstream.script(*[steps.stall()] * 9)
    start = time.monotonic()
    with pytest.raises(openai.InternalServerError) as failed:
        client_of(gate).chat.completions.create(model="scripted", messages=say("Hello"))
    assert failed.value.status_code == 504 and failed.value.code == "provider_timeout"
    assert time.monotonic() - start < 10
    assert gate.usage_of(failed.value.request_id)["outcome"] == "failed"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>busy</html>", b"[]", b'{"id":"x"', b"{" * 100],
    ids=["empty", "html", "list", "cut", "deep"],
)
def test_an_upstream_that_lies(scripted, body):
    gate, upstream = scripted
    upstream.script(*[steps.raw(body)] * 9)
    with pytest.raises(openai.InternalServerError) as failed:
        client_of(gate).chat.completions.create(model="scripted", messages=say("Hello"))
    assert failed.value.status_code == 502 and failed.value.code == "provider_error"
    row = gate.usage_of(failed.value.request_id)
    assert row["outcome"] == "failed" and float(row["cost_usd"]) == 0


def test_an_error_inside_a_200_is_an_error(scripted):
    gate, upstream = scripted
    body = b'{"error":{"message":"overloaded","type":"server_error"}}'
    upstream.script(*[steps.raw(body)] * 9)
    with pytest.raises(openai.InternalServerError):
        client_of(gate).chat.completions.create(model="scripted", messages=say("Hello"))


@pytest.mark.parametrize("then", ["end", "reset", "stall"])
def test_a_stream_that_stops_is_never_a_success(scripted, then):
    gate, upstream = scripted
    upstream.script(steps.stream(*HALF, then=then))
    request_id = f"stops-by-{then}"
    text, upstream_stream = "", stream(gate, request_id)
    with pytest.raises(openai.APIError) as failed:
        for chunk in upstream_stream:
            text += chunk.choices[0].delta.content or ""
    assert text == "w0 w1 w2 w3 w4 ", "what came was passed on"
    assert failed.value.message
    row = gate.usage_of(request_id)
    assert row["outcome"] == "cut" and row["source"] == "estimated" and row["tokens"]["output"] > 0


def test_an_error_event_in_mid_stream(scripted):
    gate, upstream = scripted
    fault = {"error": {"message": "the model fell over, sk-upstream-0123456789abcdef-secret", "type": "server_error"}}
    upstream.script(steps.stream(*HALF, fault))
    with pytest.raises(openai.APIError) as failed:
        list(stream(gate, "error-event"))
    assert "sk-upstream" not in str(failed.value) + str(failed.value.body)
    assert gate.usage_of("error-event")["outcome"] == "cut"


def test_an_error_as_the_first_event_is_an_honest_status(scripted):
    gate, upstream = scripted
    fault = {"error": {"message": "busy", "type": "server_error", "code": 503}}
    upstream.script(*[steps.stream(fault)] * 9)
    with pytest.raises(openai.InternalServerError) as failed:
        stream(gate, "first-event-error")
    assert failed.value.status_code in (502, 503)


def test_usage_of_a_stream_comes_from_the_provider(scripted):
    gate, upstream = scripted
    upstream.script(steps.stream(*HALF, steps.chunk({}, "stop"), USAGE, DONE))
    chunks = list(stream(gate, "good-stream"))
    assert chunks[-1].choices[0].finish_reason == "stop" and all(chunk.usage is None for chunk in chunks)
    assert upstream.requests[0]["body"]["stream_options"]["include_usage"] is True
    row = gate.usage_of("good-stream")
    assert row["outcome"] == "complete" and row["source"] == "provider"
    assert (row["tokens"]["input"], row["tokens"]["output"]) == (11, 7)


def test_chunks_cut_anywhere_arrive_whole(scripted):
    import json

    gate, upstream = scripted
    text = "Grüße 漢字 🏰"
    events = [steps.chunk({"content": text}), steps.chunk({}, "stop")]
    data = b"".join(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in events) + DONE
    upstream.script(steps.stream(*(data[at : at + 1] for at in range(len(data)))))
    chunks = list(stream(gate, "cut-anywhere"))
    assert chunks[0].choices[0].delta.content == text
    assert gate.usage_of("cut-anywhere")["outcome"] == "complete"


def test_no_secret_reached_the_log(scripted):
    from gateway import UPSTREAM_KEY

    gate, _ = scripted
    assert UPSTREAM_KEY not in gate.log() and gate.api_key not in gate.log()
