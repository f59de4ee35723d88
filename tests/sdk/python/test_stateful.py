"""Answers that the provider keeps: gone on from, shown and removed with the official client."""

import openai
import pytest

import upstream as steps
from conftest import client_of
from gateway import Gate
from upstream import Upstream


def says(body, status=200):
    return lambda handler: steps.send(handler, status, body)


@pytest.fixture(scope="module")
def upstream():
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def module_gate(folder, upstream):
    gate = Gate(folder / "stateful", upstream_url=upstream.base_url, provider="openai")
    yield gate
    gate.kill()


@pytest.fixture
def gate(module_gate, upstream):
    upstream.script()
    return module_gate


def test_a_conversation_goes_on(gate, upstream):
    client = client_of(gate)
    upstream.script(says(steps.response("resp_1")), says(steps.response("resp_2")))
    first = client.responses.create(model="scripted", input="Hello")
    assert (first.id, first.output_text) == ("resp_1", steps.GOOD_TEXT)
    second = client.responses.create(model="scripted", input="And then?", previous_response_id=first.id)
    assert second.id == "resp_2" and upstream.requests[1]["body"]["previous_response_id"] == "resp_1"


def test_a_kept_answer_is_shown_and_removed(gate, upstream):
    client = client_of(gate)
    items = {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    upstream.script(
        says(steps.response("resp_1")),
        says(steps.response("resp_1")),
        says(items),
        says({"id": "resp_1", "object": "response", "deleted": True}),
    )
    made = client.responses.create(model="scripted", input="Hello")
    assert client.responses.retrieve(made.id).output_text == steps.GOOD_TEXT
    assert list(client.responses.input_items.list(made.id)) == []
    client.responses.delete(made.id)
    paths = [request["path"] for request in upstream.requests[1:]]
    assert paths == ["/v1/responses/resp_1", "/v1/responses/resp_1/input_items", "/v1/responses/resp_1"]


def test_what_never_was_is_not_found(gate, upstream):
    client = client_of(gate)
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="scripted", input="x", previous_response_id="resp_never")
    assert refused.value.code == "previous_response_not_found" and refused.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_never")
    assert upstream.requests == []
