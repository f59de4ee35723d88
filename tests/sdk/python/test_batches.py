"""Files and batches with the official client: brought, listed, shown, downloaded, removed; begun, shown, cancelled."""

import json

import openai
import pytest

from conftest import client_of
from gateway import Gate, wait_for
from keeper import MODEL, Keeper


@pytest.fixture(scope="module")
def keeper():
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.fixture(scope="module")
def gate(folder, keeper):
    gate = Gate(folder / "batches", upstream_url=keeper.base_url, provider="openai")
    yield gate
    gate.kill()


def requests(*names):
    body = {"model": f"openai/{MODEL}", "messages": [{"role": "user", "content": "Hello"}]}
    lines = [{"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body} for name in names]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def result(name, prompt, completion):
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    message = {"role": "assistant", "content": "Yes."}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL, "choices": choices, "usage": usage}
    return {"id": name, "custom_id": name, "response": {"status_code": 200, "body": body}, "error": None}


def begin(client, **options):
    file = client.files.create(file=("mine.jsonl", requests("a", "b")), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", **options
    )


def test_a_file_is_brought_listed_shown_and_removed(gate, keeper):
    client = client_of(gate)
    file = client.files.create(file=("mine.jsonl", requests("a", "b")), purpose="batch")
    assert (file.filename, file.purpose) == ("mine.jsonl", "batch")
    assert keeper.files[file.id]["content"] == requests("a", "b").replace(b"openai/" + MODEL.encode(), MODEL.encode())
    other = client.files.create(file=("notes.txt", b"any bytes"), purpose="user_data")
    assert [listed.id for listed in client.files.list(limit=1)] == [other.id, file.id], "page by page"
    assert [listed.id for listed in client.files.list(purpose="batch")] == [file.id]
    assert client.files.retrieve(file.id).bytes == len(keeper.files[file.id]["content"])
    assert client.files.content(other.id).read() == b"any bytes"
    for name in (file.id, other.id):
        assert client.files.delete(name).deleted
    assert list(client.files.list()) == [] and keeper.files == {}
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_bad_line_is_named(gate):
    bad = requests("a") + requests("a")
    with pytest.raises(openai.BadRequestError) as refused:
        client_of(gate).files.create(file=("mine.jsonl", bad), purpose="batch")
    assert refused.value.param == "file" and "line 2: custom_id" in refused.value.message


def test_a_batch_is_begun_shown_and_cancelled(gate):
    client = client_of(gate)
    batch = begin(client, metadata={"of": "the suite"})
    assert (batch.status, batch.metadata) == ("validating", {"of": "the suite"})
    assert client.batches.retrieve(batch.id).input_file_id == batch.input_file_id
    wait_for(lambda: batch.id in [listed.id for listed in client.batches.list()] or None, "the batch in the list")
    assert client.batches.cancel(batch.id).status == "cancelling"
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_never")


def test_results_are_downloaded_and_stay_until_they_are_booked(gate, keeper):
    client = client_of(gate)
    batch = begin(client)
    keeper.end(batch.id, [result("a", 1000, 10), result("b", 2000, 20)])
    output = client.batches.retrieve(batch.id).output_file_id
    lines = [json.loads(line) for line in client.files.content(output).text.splitlines()]
    assert [line["custom_id"] for line in lines] == ["a", "b"]
    with pytest.raises(openai.ConflictError):
        client.files.delete(output)
