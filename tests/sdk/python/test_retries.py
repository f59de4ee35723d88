"""Who tries again when: the gate for its upstream, the client for the gate, nobody in vain."""

import openai
import pytest

import upstream as steps
from conftest import client_of, say


def create(client, **options):
    return client.chat.completions.with_raw_response.create(model="scripted", messages=say("Hello"), **options)


@pytest.mark.parametrize("fault", [500, 502, 503, 408, 429])
def test_the_gate_tries_a_failing_upstream_again(scripted, fault):
    gate, upstream = scripted
    # A rate limit without advice would put the connection to rest for minutes.
    advice = [("retry-after", "0")] if fault == 429 else []
    upstream.script(*[steps.status(fault, headers=advice)] * 2)
    raw = create(client_of(gate))
    assert raw.parse().choices[0].message.content == steps.GOOD_TEXT
    assert raw.headers["x-portcullis-attempts"] == "3"
    assert len(upstream.requests) == 3


def test_the_gate_tries_again_when_the_connection_breaks(scripted):
    gate, upstream = scripted
    upstream.script(steps.hang_up())
    assert create(client_of(gate)).headers["x-portcullis-attempts"] == "2"


def test_an_upstream_that_keeps_failing_is_a_bad_gateway(scripted):
    gate, upstream = scripted
    upstream.script(*[steps.status(500)] * 9)
    with pytest.raises(openai.InternalServerError) as failed:
        create(client_of(gate))
    assert failed.value.status_code in (502, 503)
    assert failed.value.code in ("provider_error", "no_available_route")
    assert "scripted 500" not in str(failed.value), "what a provider says of itself stays here"
    assert len(upstream.requests) == 3, "two retries, then the truth"


def test_a_rate_limited_upstream_is_left_alone_as_long_as_it_asks(scripted):
    gate, upstream = scripted
    upstream.script(steps.status(429, headers=[("retry-after", "60")]))
    for _ in range(3):
        with pytest.raises(openai.RateLimitError) as limited:
            create(client_of(gate))
        assert 50 < int(limited.value.response.headers["retry-after"]) <= 60
    assert len(upstream.requests) == 1


def test_the_callers_own_mistake_is_not_tried_again_by_anybody(scripted):
    gate, upstream = scripted
    fault = {"error": {"message": "max_tokens is too large", "type": "invalid_request_error", "param": "max_tokens", "code": "too_large"}}
    upstream.script(*[steps.status(400, fault)] * 9)
    with pytest.raises(openai.BadRequestError) as refused:
        create(client_of(gate, max_retries=2))
    assert len(upstream.requests) == 1
    assert refused.value.param == "max_tokens" and "max_tokens is too large" in refused.value.message
    assert refused.value.response.headers["x-should-retry"] == "false"


def test_the_upstream_refusing_our_key_is_not_the_callers_bad_key(scripted):
    gate, upstream = scripted
    fault = {"error": {"message": "Incorrect API key provided: sk-upst***cret", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}}
    upstream.script(*[steps.status(401, fault)] * 9)
    with pytest.raises(openai.InternalServerError) as failed:
        create(client_of(gate))
    assert failed.value.status_code in (502, 503)
    assert "sk-" not in str(failed.value)


def test_a_client_waits_as_long_as_it_is_told(gate):
    key = gate.new_key("one-at-a-time", "--burst", "1", "--rpm", "60")
    client = client_of(gate, key, max_retries=3)
    for _ in range(3):
        client.chat.completions.create(model="demo-fast", messages=say("Hello"))


def test_wrong_keys_are_not_sent_again_by_the_client(gate):
    client = client_of(gate, f"pc_live_{'7' * 52}", max_retries=5)
    with pytest.raises(openai.AuthenticationError) as refused:
        client.chat.completions.create(model="demo-fast", messages=say("Hello"))
    sent = refused.value.request.headers["x-stainless-retry-count"]
    assert sent == "0"
