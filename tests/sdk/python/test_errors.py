"""Refusals, as the official client's own exception classes, and byte for byte where no client would ask so."""

import time

import httpx
import openai
import pytest

from conftest import client_of, say

GOOD = {"model": "demo-fast", "messages": say("Hello")}


def check_envelope(body, code, kind):
    assert set(body) == {"error"} or set(body) == {"error", "request_id"}
    fault = body["error"]
    assert {"message", "type", "param", "code"} <= set(fault)
    assert (fault["code"], fault["type"]) == (code, kind), body
    assert fault["message"]
    assert body.get("request_id") or fault.get("request_id")


def post(gate, body, path="/chat/completions", key=None, **options):
    headers = {"authorization": f"Bearer {key or gate.api_key}", **options.pop("headers", {})}
    return httpx.post(gate.base_url + path, json=body, headers=headers, **options)


def check(answer, status, code, kind="invalid_request_error"):
    assert answer.status_code == status, answer.text
    check_envelope(answer.json(), code, kind)
    assert answer.headers["x-request-id"] == answer.headers["request-id"]
    if status in (429, 502, 503, 504):
        assert int(answer.headers["retry-after-ms"]) > 0 and int(answer.headers["retry-after"]) > 0
        assert "x-should-retry" not in answer.headers
    else:
        assert answer.headers["x-should-retry"] == "false"


def test_every_wrong_key_gets_the_same_answer_and_not_too_soon(gate):
    body = gate.api_key.rsplit("_", 1)[1]
    other = "0" if body[-1] != "0" else "1"
    revoked = gate.command("key", "create", "--name", "to-revoke")
    gate.command("key", "revoke", revoked["id"])
    disabled = gate.command("key", "create", "--name", "to-disable")
    gate.command("key", "disable", disabled["id"])
    wrong = {
        "unknown": f"pc_live_{'7' * 52}",
        "right prefix, wrong secret": f"pc_live_{body[:-1]}{other}",
        "malformed": "sk-not-ours",
        "other kind": f"pc_op_{body}",
        "revoked": revoked["key"],
        "disabled": disabled["key"],
    }
    answers = {}
    for name, key in wrong.items():
        start = time.perf_counter()
        answer = post(gate, GOOD, key=key)
        assert time.perf_counter() - start >= 0.080, name
        check(answer, 401, "invalid_api_key")
        fault = answer.json()["error"]
        answers[name] = (fault["message"], fault["type"], fault["code"], sorted(answer.headers))
    assert len(set(map(str, answers.values()))) == 1, answers


def test_a_wrong_key_is_an_authentication_error(gate):
    with pytest.raises(openai.AuthenticationError) as refused:
        client_of(gate, f"pc_live_{'7' * 52}").chat.completions.create(**GOOD)
    assert refused.value.status_code == 401 and refused.value.code == "invalid_api_key"
    assert refused.value.request_id


def test_no_key_and_two_keys(gate):
    for headers in ({}, {"authorization": f"Bearer {gate.api_key}", "x-api-key": f"pc_live_{'7' * 52}"}):
        answer = httpx.post(gate.base_url + "/chat/completions", json=GOOD, headers=headers)
        check(answer, 401, "invalid_api_key")


def test_a_key_in_the_query_string(gate):
    for query in (f"api_key={gate.api_key}", f"x={gate.api_key}"):
        check(post(gate, GOOD, path=f"/chat/completions?{query}"), 401, "invalid_api_key")


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-nowhere", messages=say("Hello"))
    assert refused.value.code == "model_not_found" and refused.value.param == "model"


def test_a_bad_parameter_is_a_bad_request(client):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="demo-fast", messages=say("Hello"), n=-1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"model":"demo-fast"',
        b'{"model":"demo-fast","messages":[]}x',
        b'{"model":"demo-fast","model":"demo-smart","messages":[{"role":"user","content":"a"}]}',
        b'{"model":"demo-fast","messages":[{"role":"user","content":"a","content":"b"}]}',
        b'{"model":"demo-fast","mod\\u0065l":"demo-smart","messages":[{"role":"user","content":"a"}]}',
        b'{"model":"demo-fast","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"demo-fast","x":' + b"[" * 200 + b"]" * 200 + b',"messages":[]}',
        b'{"messages":[{"role":"user","content":"a"}]}',
        b'{"model":7,"messages":[{"role":"user","content":"a"}]}',
        b'{"model":"demo-fast","messages":[{"role":"user","content":"a"}],"stream":"yes"}',
    ],
)
def test_bodies_that_cannot_be_read_are_refused(gate, body):
    headers = {"authorization": f"Bearer {gate.api_key}", "content-type": "application/json"}
    answer = httpx.post(gate.base_url + "/chat/completions", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_only_json_is_read(gate):
    for headers in ({"content-type": "text/plain"}, {"content-encoding": "gzip"}):
        check(post(gate, GOOD, headers=headers), 415, "unsupported_media_type")


def test_a_body_over_the_limit_declared_or_chunked(gate):
    key = gate.new_key("small-bodies", "--body-bytes", "2000")
    big = {**GOOD, "messages": say("x" * 3000)}
    check(post(gate, big, key=key), 413, "request_too_large")

    def pieces():
        yield b'{"model":"demo-fast","messages":[{"role":"user","content":"'
        for _ in range(30):
            yield b"x" * 100
        yield b'"}]}'

    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    answer = httpx.post(gate.base_url + "/chat/completions", content=pieces(), headers=headers)
    check(answer, 413, "request_too_large")
    with pytest.raises(openai.APIStatusError) as refused:
        client_of(gate, key, max_retries=2).chat.completions.create(**big)
    assert refused.value.status_code == 413


def test_paths_and_methods(gate):
    check(post(gate, GOOD, path="/chat/completion"), 404, "not_found")
    headers = {"authorization": f"Bearer {gate.api_key}"}
    check(httpx.get(gate.base_url + "/chat/completions", headers=headers), 405, "method_not_allowed")


def test_too_many_requests(gate):
    key = gate.new_key("two-a-minute", "--rpm", "2")
    for _ in range(2):
        assert post(gate, GOOD, key=key).status_code == 200
    refused = post(gate, GOOD, key=key)
    check(refused, 429, "rate_limited", "rate_limit_error")
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(openai.RateLimitError):
        client_of(gate, key).chat.completions.create(**GOOD)


def test_nothing_refused_is_billed(gate):
    rows = gate.usage()
    assert not [row for row in rows if row["model_asked"] == "gpt-nowhere"]
