"""What each client must be able to do, once for all of them: a client is a class with `ask`, and a feature asks and looks
at what came. Each try of a feature is a cell of the matrix."""

import dataclasses
import json
import os
import pathlib

import pytest

from upstreams.script import SCENES, SCRIPT, USAGE

HERE = pathlib.Path(__file__).resolve().parents[1]
FEATURES = json.loads((HERE / "features.json").read_text())
IMPOSSIBLE = json.loads((HERE / "impossible.json").read_text())
# Where the gate and its upstreams are: a file that the runner writes.
WORLD = json.loads(pathlib.Path(os.environ["MATRIX_WORLD"]).read_text())


@dataclasses.dataclass
class Ask:
    """What is asked of a model."""

    model: str
    prompt: str
    stream: bool
    system: str = SCRIPT["system"]
    tools: dict = dataclasses.field(default_factory=dict)
    schema: dict | None = None
    image: dict | None = None
    thinks: bool = False
    limit: int | None = None
    # The answer before, and the texts of the results of its calls.
    past: "Answer | None" = None
    results: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Call:
    id: str
    name: str
    arguments: dict


@dataclasses.dataclass
class Answer:
    """What came, in nobody's words; `turn` is what the client itself would send back."""

    text: str
    stop: str
    thought: str = ""
    calls: list = dataclasses.field(default_factory=list)
    usage: tuple = ()
    turn: object = None


@dataclasses.dataclass
class Fault:
    """What the client says of an error."""

    status: int | None
    message: str
    retry_after: str | None = None


class Cell:
    """One client, one upstream, one mode."""

    def __init__(self, client_class, upstream, stream):
        self.client_class, self.upstream, self.stream = client_class, upstream, stream
        self.model = WORLD["models"][upstream]
        self.client = self.based_at(client_class.bases[0])

    def based_at(self, base):
        """The client, with one of the base URLs that it may be given."""
        return self.client_class(WORLD["url"], WORLD["key"], base)

    def ask(self, scene, **more):
        names = SCENES[scene].get("tools", [])
        tools = {name: SCRIPT["tools"][name] for name in names}
        return self.client.ask(Ask(more.pop("model", self.model), SCENES[scene]["prompt"], self.stream, tools=tools, **more))

    def fault(self, scene, kind=None):
        """The error that a question ends in."""
        model = WORLD["faults"][f"{kind}/{self.upstream}/{self.client_class.name}"] if kind else self.model
        try:
            answer = self.ask(scene, model=model)
        except AssertionError:
            raise
        except Exception as error:
            return self.client.fault(error)
        raise AssertionError(f"no error, but {answer.text!r} ({answer.stop})")


def check_usage(cell, answer):
    assert answer.usage == (USAGE["input"], USAGE["cached"], USAGE["output"]), answer.usage


def text(cell):
    answer = cell.ask("text")
    assert answer.text == SCENES["text"]["answer"]
    assert answer.stop == "stop", answer.stop
    check_usage(cell, answer)


def other_base(cell):
    cell.client = cell.based_at(cell.client_class.bases[1])
    assert cell.ask("text").text == SCENES["text"]["answer"]


def length(cell):
    answer = cell.ask("length", limit=16)
    assert (answer.text, answer.stop) == (SCENES["length"]["answer"], "length")


def round_trip(cell, scene, **more):
    first = cell.ask(scene, **more)
    made = [[call.name, call.arguments] for call in first.calls]
    assert made == SCENES[scene]["calls"], made
    assert first.stop == "calls", first.stop
    assert all(call.id for call in first.calls) or not cell.client.has_ids
    assert len({call.id for call in first.calls}) == len(made) or not cell.client.has_ids
    results = [SCRIPT["results"][call.arguments.get("city", call.name)] for call in first.calls]
    second = cell.ask(scene, past=first, results=results, **more)
    assert second.stop == "stop" and not second.calls, second
    return first, second


def call(cell):
    _, second = round_trip(cell, "call")
    assert second.text == SCENES["call"]["answer"]
    check_usage(cell, second)


def no_arguments(cell):
    _, second = round_trip(cell, "no_arguments")
    assert second.text == SCENES["no_arguments"]["answer"]


def parallel(cell):
    _, second = round_trip(cell, "parallel")
    assert second.text == SCENES["parallel"]["answer"]


def structured(cell):
    answer = cell.ask("structured", schema=SCRIPT["schema"])
    assert json.loads(answer.text) == json.loads(SCENES["structured"]["answer"])


def image(cell):
    assert cell.ask("image", image=SCRIPT["image"]).text == SCENES["image"]["answer"]


def thinking(cell):
    answer = cell.ask("thinking", thinks=True)
    assert answer.text == SCENES["thinking"]["answer"]
    assert answer.thought == SCRIPT["thought"], f"thought: {answer.thought!r}"
    check_usage(cell, answer)


def thinking_call(cell):
    first, second = round_trip(cell, "thinking_call", thinks=True)
    assert first.thought == SCRIPT["thought"], f"thought: {first.thought!r}"
    assert second.text == SCENES["thinking_call"]["answer"] + " (thoughts kept)", second.text


def refused(cell):
    fault = cell.fault("refused")
    assert fault.status == 400, fault
    assert SCENES["refused"]["message"] in fault.message, fault


def denied(cell):
    # The gate's key is bad, not the caller's.
    fault = cell.fault("text", "denied")
    assert fault.status == 502, fault


def limited(cell):
    fault = cell.fault("text", "limited")
    assert fault.status == 429, fault
    assert fault.retry_after and 1 <= int(fault.retry_after) <= 8, fault


def failed(cell):
    fault = cell.fault("text", "failed")
    assert fault.status == 502, fault


def broken(cell):
    fault = cell.fault("broken", "broken")
    assert fault.message, fault


def cells(client_class):
    """The test of all cells of a client."""
    every = [
        pytest.param(upstream, feature, mode, id=f"{upstream}-{feature}-{mode}")
        for feature, row in FEATURES.items()
        for mode in row["modes"]
        for upstream in WORLD["models"]
    ]

    @pytest.mark.parametrize(("upstream", "feature", "mode"), every)
    def test_cell(upstream, feature, mode):
        reason = impossible(client_class.name, upstream, feature, mode)
        try:
            globals()[feature](Cell(client_class, upstream, mode == "stream"))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            if reason and reason["seen"] in said:
                return record(client_class.name, upstream, feature, mode, "impossible", reason["reason"])
            record(client_class.name, upstream, feature, mode, "failed", said[:300])
            raise
        outcome = "failed" if reason else "ok"
        record(client_class.name, upstream, feature, mode, outcome, "it is listed as impossible" if reason else "")
        assert not reason, "it is listed as impossible, and works"

    return test_cell


def impossible(client, upstream, feature, mode):
    """The row of the table that says why a cell cannot be."""
    asked = {"client": client, "upstream": upstream, "feature": feature, "mode": mode}
    fits = [row for row in IMPOSSIBLE if all(value in row.get(name, [value]) for name, value in asked.items())]
    assert len(fits) <= 1, fits
    return fits[0] if fits else None


def record(client, upstream, feature, mode, outcome, said):
    row = {"client": client, "upstream": upstream, "feature": feature, "mode": mode, "outcome": outcome, "said": said}
    with open(WORLD["results"], "a", encoding="utf-8") as results:
        results.write(json.dumps(row) + "\n")
