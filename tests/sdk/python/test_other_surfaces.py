"""Embeddings, completions, models."""

import base64
import math
import struct

import pytest
from openai import NotFoundError


def check_vectors(answer, count, dimensions):
    assert [row.index for row in answer.data] == list(range(count))
    for row in answer.data:
        assert len(row.embedding) == dimensions
        assert math.isclose(sum(value * value for value in row.embedding), 1.0, rel_tol=1e-3)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0


def test_embeddings_as_the_client_asks_by_default(client):
    answer = client.embeddings.create(model="demo-embed", input=["a gate", "a wall"])
    check_vectors(answer, 2, 64)
    assert answer.data[0].embedding != answer.data[1].embedding


def test_embeddings_in_both_encodings_are_the_same(client):
    plain = client.embeddings.create(model="demo-embed", input="a gate", dimensions=16, encoding_format="float")
    packed = client.embeddings.create(model="demo-embed", input="a gate", dimensions=16, encoding_format="base64")
    check_vectors(plain, 1, 16)
    unpacked = struct.unpack("<16f", base64.b64decode(packed.data[0].embedding))
    assert list(unpacked) == pytest.approx(plain.data[0].embedding, abs=1e-6)


def test_completions_whole_and_streamed(client):
    whole = client.completions.create(model="demo-fast", prompt="Once upon a time", max_tokens=12)
    assert whole.object == "text_completion" and whole.choices[0].text and whole.usage.completion_tokens <= 12
    stream = client.completions.create(model="demo-fast", prompt="Once upon a time", max_tokens=12, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream if chunk.choices) == whole.choices[0].text


def test_models_are_listed_and_found(client):
    names = [model.id for model in client.models.list()]
    assert {name.split("/", 1)[-1] for name in names} >= {"demo-fast", "demo-smart", "demo-embed"}
    for name in names:
        assert client.models.retrieve(name).id == name
    assert client.models.retrieve("demo-fast").id in names
    with pytest.raises(NotFoundError) as refused:
        client.models.retrieve("no-such-model")
    assert refused.value.code == "model_not_found"


def test_a_key_sees_and_uses_its_own_models_alone(gate):
    from openai import PermissionDeniedError

    from conftest import client_of, say

    client = client_of(gate, gate.new_key("only-fast", "--models", "demo-fast"))
    assert [model.id.split("/", 1)[-1] for model in client.models.list()] == ["demo-fast"]
    client.chat.completions.create(model="demo-fast", messages=say("Hello"))
    with pytest.raises(PermissionDeniedError) as refused:
        client.chat.completions.create(model="demo-smart", messages=say("Hello"))
    assert refused.value.code == "model_not_allowed"


@pytest.fixture(scope="module")
def beside(folder):
    """A gate before a scripted server that has every endpoint."""
    import upstream as steps
    from conftest import client_of
    from gateway import Gate

    server = steps.Upstream()
    gate = Gate(folder / "beside", upstream_url=server.base_url, provider="openai_compatible")
    yield client_of(gate), server
    server.close()
    gate.kill()


def answering(server, body, content_type="application/json"):
    import upstream as steps

    server.script(steps.raw(body, content_type))


def test_moderations(beside):
    client, server = beside
    answering(server, b'{"id":"modr-1","model":"m","results":[{"flagged":true,"categories":{},"category_scores":{}}]}')
    assert client.moderations.create(model="scripted", input="Some text").results[0].flagged
    assert server.requests[0]["path"].endswith("/moderations") and server.requests[0]["body"]["input"] == "Some text"


def test_pictures_made_and_edited(beside):
    client, server = beside
    picture = base64.b64encode(b"not really a picture").decode()
    body = f'{{"created":1,"data":[{{"b64_json":"{picture}"}}]}}'.encode()
    answering(server, body)
    assert client.images.generate(model="scripted", prompt="A gate").data[0].b64_json == picture
    answering(server, body)
    edited = client.images.edit(model="scripted", image=("a.png", b"\x89PNG\r\n--x"), prompt="A hat")
    assert edited.data[0].b64_json == picture
    sent = server.requests[0]
    assert sent["path"].endswith("/images/edits") and b"\x89PNG\r\n--x" in sent["body"]


def test_speech_whole_and_as_it_comes(beside):
    client, server = beside
    sound = bytes(range(256)) * 500
    answering(server, sound, "audio/mpeg")
    assert client.audio.speech.create(model="scripted", voice="alloy", input="Hello").content == sound
    answering(server, sound, "audio/mpeg")
    with client.audio.speech.with_streaming_response.create(model="scripted", voice="alloy", input="Hello") as answer:
        assert b"".join(answer.iter_bytes()) == sound


def test_transcripts_in_json_text_and_events(beside):
    import upstream as steps

    client, server = beside
    sound = ("a.wav", b"RIFF" + bytes(1000))
    answering(server, b'{"text":"Hello","usage":{"type":"duration","seconds":2}}')
    assert client.audio.transcriptions.create(model="scripted", file=sound).text == "Hello"
    answering(server, b"Hello\n", "text/plain")
    assert client.audio.transcriptions.create(model="scripted", file=sound, response_format="text") == "Hello\n"
    usage = {"type": "tokens", "input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    server.script(
        steps.stream(
            {"type": "transcript.text.delta", "delta": "Hello"},
            {"type": "transcript.text.done", "text": "Hello", "usage": usage},
        )
    )
    events = list(client.audio.transcriptions.create(model="scripted", file=sound, stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
