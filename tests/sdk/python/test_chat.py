"""Chat, whole and streamed, synchronous and not, by the official client."""

import asyncio

import pytest
from openai import AsyncOpenAI, OpenAI

from conftest import client_of, say


def check_answer(answer, model):
    assert answer.object == "chat.completion"
    assert answer.model == model
    assert "demo" in answer.choices[0].message.content.lower()
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_a_whole_answer(client):
    check_answer(client.chat.completions.create(model="demo-fast", messages=say("Who are you?")), "demo-fast")


@pytest.mark.parametrize("model", ["demo-smart", "demo/demo-smart"])
def test_a_model_goes_by_its_bare_and_its_full_name(client, model):
    check_answer(client.chat.completions.create(model=model, messages=say("Hello")), "demo-smart")


def test_both_base_urls_work(gate):
    for base_url in (gate.base_url, gate.root_url, gate.root_url + "/"):
        client = OpenAI(base_url=base_url, api_key=gate.api_key, max_retries=0)
        check_answer(client.chat.completions.create(model="demo-fast", messages=say("Hello")), "demo-fast")


def test_text_in_any_script_passes_unchanged(client):
    told = "漢字 \u202e עברית 🏰 \x00 e\u0301"
    schema = {"type": "object", "properties": {"x": {"enum": [told]}}, "required": ["x"]}
    answer = client.chat.completions.create(
        model="demo-fast",
        messages=say(told),
        response_format={"type": "json_schema", "json_schema": {"name": "echo", "schema": schema, "strict": True}},
    )
    import json

    assert json.loads(answer.choices[0].message.content) == {"x": told}


def test_length_is_bounded_and_said(client):
    answer = client.chat.completions.create(
        model="demo-fast", messages=say("count to 50"), max_completion_tokens=5
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5


def test_several_choices(client):
    answer = client.chat.completions.create(model="demo-fast", messages=say("Hello"), n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_stream_says_what_the_whole_answer_says(client):
    whole = client.chat.completions.create(model="demo-fast", messages=say("Tell me a story."))
    chunks = list(client.chat.completions.create(model="demo-fast", messages=say("Tell me a story."), stream=True))
    assert text_of(chunks) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1


def test_usage_is_hidden_from_a_stream_that_did_not_ask(client):
    chunks = list(client.chat.completions.create(model="demo-fast", messages=say("Hello"), stream=True))
    assert all(chunk.choices for chunk in chunks), "a chunk without choices is the usage chunk"
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_is_given_to_a_stream_that_asked(client):
    whole = client.chat.completions.create(model="demo-fast", messages=say("Hello"))
    stream = client.chat.completions.create(
        model="demo-fast", messages=say("Hello"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_a_stream_that_declined_usage_gets_none(client):
    stream = client.chat.completions.create(
        model="demo-fast", messages=say("Hello"), stream=True, stream_options={"include_usage": False}
    )
    assert all(chunk.choices for chunk in stream)


def test_the_stream_helper_puts_the_answer_together(client):
    with client.chat.completions.stream(model="demo-fast", messages=say("Hello")) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content != ""


def test_a_long_stream_arrives_whole(client):
    chunks = client.chat.completions.create(model="demo-fast", messages=say("count to 5000"), stream=True)
    words = text_of(chunks).split()
    assert words[0].strip(",.") == "1" and words[-1].strip(",.") == "5000" and len(words) == 5000


def test_many_asynchronous_calls_at_once(gate):
    async def main():
        async with AsyncOpenAI(base_url=gate.base_url, api_key=gate.api_key, max_retries=0) as client:

            async def whole(number):
                answer = await client.chat.completions.create(model="demo-fast", messages=say(f"Number {number}"))
                return answer.choices[0].message.content

            async def streamed(number):
                stream = await client.chat.completions.create(
                    model="demo-fast", messages=say(f"Number {number}"), stream=True
                )
                return text_of([chunk async for chunk in stream])

            wholes = await asyncio.gather(*(whole(number) for number in range(20)))
            streams = await asyncio.gather(*(streamed(number) for number in range(20)))
            assert wholes == streams

    asyncio.run(main())


def test_each_way_to_send_the_key_works(gate):
    import httpx

    for header, value in (
        ("authorization", f"Bearer {gate.api_key}"),
        ("x-api-key", gate.api_key),
        ("api-key", gate.api_key),
        ("x-goog-api-key", gate.api_key),
    ):
        answer = httpx.post(
            f"{gate.base_url}/chat/completions",
            headers={header: value},
            json={"model": "demo-fast", "messages": say("Hello")},
        )
        assert answer.status_code == 200, (header, answer.text)


def test_a_client_with_its_own_key_sees_its_own_standing(gate):
    client = client_of(gate, gate.new_key("standing", "--rpm", "7"))
    raw = client.chat.completions.with_raw_response.create(model="demo-fast", messages=say("Hello"))
    assert raw.headers["x-ratelimit-limit-requests"] == "7"
    assert raw.headers["x-ratelimit-remaining-requests"] == "6"
