"""Tool calls: single, parallel, streamed, and the turn after the result."""

import json

from conftest import say

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "kelvin"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


def check_weather(arguments):
    given = json.loads(arguments)
    assert set(given) == {"city", "unit"}
    assert isinstance(given["city"], str) and given["unit"] in ("celsius", "kelvin")


def ask(client, text, tools, **options):
    return client.chat.completions.create(model="demo-smart", messages=say(text), tools=tools, **options)


def test_one_call(client):
    choice = ask(client, "Weather?", [WEATHER]).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.type == "function" and call.function.name == "weather" and call.id
    check_weather(call.function.arguments)


def test_a_tool_by_name(client):
    chosen = {"type": "function", "function": {"name": "clock"}}
    (call,) = ask(client, "Weather?", [WEATHER, CLOCK], tool_choice=chosen).choices[0].message.tool_calls
    assert call.function.name == "clock"
    assert json.loads(call.function.arguments) == {}


def test_no_tool_when_none_is_wanted(client):
    choice = ask(client, "Weather?", [WEATHER], tool_choice="none").choices[0]
    assert choice.finish_reason == "stop" and not choice.message.tool_calls and choice.message.content


def test_parallel_calls(client):
    calls = ask(client, "Both in parallel, please.", [WEATHER, CLOCK]).choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["weather", "clock"]
    assert len({call.id for call in calls}) == 2


def test_streamed_parallel_calls(client):
    calls, finish = {}, None
    for chunk in ask(client, "Both in parallel, please.", [WEATHER, CLOCK], stream=True):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for delta in choice.delta.tool_calls or []:
                call = calls.setdefault(delta.index, {"id": delta.id, "name": delta.function.name, "arguments": ""})
                call["arguments"] += delta.function.arguments or ""
    assert finish == "tool_calls"
    assert [calls[index]["name"] for index in sorted(calls)] == ["weather", "clock"]
    assert all(call["id"] for call in calls.values())
    check_weather(calls[0]["arguments"])


def test_the_stream_helper_reads_the_call(client):
    strict = {**WEATHER, "function": {**WEATHER["function"], "strict": True}}
    with client.chat.completions.stream(model="demo-smart", messages=say("Weather?"), tools=[strict]) as stream:
        stream.until_done()
        (call,) = stream.get_final_completion().choices[0].message.tool_calls
    check_weather(call.function.arguments)


def test_the_turn_after_the_result(client):
    first = ask(client, "Weather?", [WEATHER]).choices[0].message
    messages = [
        *say("Weather?"),
        first,
        {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny, 21 degrees"},
    ]
    second = client.chat.completions.create(model="demo-smart", messages=messages, tools=[WEATHER]).choices[0]
    assert second.finish_reason == "stop"
    assert "sunny, 21 degrees" in second.message.content
