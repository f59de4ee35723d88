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
