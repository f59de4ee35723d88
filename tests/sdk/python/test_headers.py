"""What an answer's head says, and what it must not say of the account behind the gate."""

import re

from conftest import say

# What the demo provider sends, as the real one does, and nobody below the gate may see.
ACCOUNT = ["openai-organization", "openai-version", "openai-processing-ms", "set-cookie", "server", "via", "cf-ray"]


def check_common(headers):
    assert headers["x-request-id"] == headers["request-id"] != ""
    assert int(headers["x-ratelimit-limit-requests"]) > 0
    assert int(headers["x-ratelimit-remaining-requests"]) >= 0
    assert re.fullmatch(r"\d+(\.\d+)?(ms|s)", headers["x-ratelimit-reset-requests"])
    for name in ACCOUNT:
        assert name not in headers, name


def test_a_whole_answer(client):
    raw = client.chat.completions.with_raw_response.create(model="demo-fast", messages=say("Hello"))
    check_common(raw.headers)
    assert raw.headers["x-portcullis-model"] == "demo-fast"
    assert raw.headers["x-portcullis-provider"]
    assert raw.headers["x-portcullis-attempts"] == "1"
    assert re.fullmatch(r"\d+(\.\d+)?", raw.headers["x-portcullis-cost-usd"])
    assert raw.headers["content-type"] == "application/json"
    assert not raw.headers["x-request-id"].startswith("req_demo"), "the upstream's own id stays with us"
    assert raw.parse()._request_id == raw.headers["x-request-id"]


def test_a_stream(client):
    with client.chat.completions.with_streaming_response.create(
        model="demo-fast", messages=say("Hello"), stream=True
    ) as raw:
        check_common(raw.headers)
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert raw.headers["x-portcullis-model"] == "demo-fast"
        text = "".join(raw.iter_text())
    assert text.rstrip().endswith("data: [DONE]") or "data: [DONE]" in text
    assert re.search(r"^: .*cost-usd[ =:]+\d", text, re.MULTILINE), "a stream tells its cost in a comment"


def test_a_callers_request_id_is_kept_when_it_is_sane(client):
    for sent, kept in (("my-id.1:a_B", True), ("no spaces here", False), ("x" * 200, False)):
        raw = client.chat.completions.with_raw_response.create(
            model="demo-fast", messages=say("Hello"), extra_headers={"x-request-id": sent}
        )
        assert (raw.headers["x-request-id"] == sent) is kept, sent


def test_the_upstream_sees_nothing_of_the_caller(scripted):
    import json

    from conftest import client_of
    from gateway import UPSTREAM_KEY

    gate, upstream = scripted
    client_of(gate).chat.completions.create(
        model="scripted",
        messages=say("Hello"),
        extra_headers={
            "cookie": "session=abc",
            "x-forwarded-for": "203.0.113.9",
            "x-portcullis-tags": "secret-project",
            "openai-organization": "org-callers",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
        extra_body={"unknown_field": {"kept": [1, 2.50, "x"]}},
    )
    (request,) = upstream.requests
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert gate.api_key not in json.dumps(headers)
    sent = " ".join(f"{name}: {value}" for name, value in headers.items()).lower()
    for word in ("cookie", "forwarded", "x-portcullis", "stainless", "secret-project", "org-callers", "python"):
        assert word not in sent, word
    assert request["body"]["unknown_field"] == {"kept": [1, 2.50, "x"]}
