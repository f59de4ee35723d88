"""Structured output through the client's own parser."""

import enum
import json

from pydantic import BaseModel

from conftest import say


class Mood(enum.Enum):
    CALM = "calm"
    BUSY = "busy"


class Guard(BaseModel):
    name: str
    age: int
    on_duty: bool


class Report(BaseModel):
    title: str
    mood: Mood
    height_m: float
    guards: list[Guard]


def test_a_model_is_parsed(client):
    answer = client.chat.completions.parse(model="demo-smart", messages=say("Report!"), response_format=Report)
    report = answer.choices[0].message.parsed
    assert isinstance(report, Report) and isinstance(report.mood, Mood)


def test_a_streamed_model_is_parsed(client):
    with client.chat.completions.stream(
        model="demo-smart", messages=say("Report!"), response_format=Report
    ) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Report)


def test_a_plain_json_object(client):
    answer = client.chat.completions.create(
        model="demo-smart", messages=say("JSON, please."), response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(answer.choices[0].message.content), dict)
