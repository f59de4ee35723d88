"""What the scripted models say: from what was read of a request, in nobody's protocol, to what is answered. A request
that does not hold what its scene is about is refused with the reason."""

import base64
import dataclasses
import hashlib
import json
import pathlib

SCRIPT = json.loads(pathlib.Path(__file__).with_name("scenes.json").read_text())
SCENES = SCRIPT["scenes"]
IMAGE = SCRIPT["image"]
USAGE = SCRIPT["usage"]
CREATED = 1_767_225_600


class Wrong(Exception):
    """The request is refused, as the real upstream would refuse it."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass
class Seen:
    """What a request holds."""

    prompt: str = ""
    system: str = ""
    stream: bool = False
    limit: int | None = None
    # Asked to think, and to show it.
    thinks: bool = False
    tools: dict = dataclasses.field(default_factory=dict)
    schema: dict | None = None
    images: list = dataclasses.field(default_factory=list)
    # (id, name, arguments) of the calls that were answered, and the text of each answer by id.
    calls: list = dataclasses.field(default_factory=list)
    results: dict = dataclasses.field(default_factory=dict)
    # Whether what the model thought before its calls came back as it was given.
    kept: bool = False


@dataclasses.dataclass
class Play:
    """What is answered."""

    scene: str
    thought: str = ""
    text: str = ""
    calls: list = dataclasses.field(default_factory=list)
    finish: str = "stop"
    # An error ends it in mid-stream.
    breaks: str = ""

    @property
    def thought_tokens(self):
        return USAGE["thoughts"] if self.thought else 0


def play(seen):
    """The answer to a request."""
    name = next((name for name, scene in SCENES.items() if scene["prompt"] == seen.prompt.strip()), None)
    if name is None:
        raise Wrong(f"no scene begins with {seen.prompt!r}")
    if seen.system.strip() != SCRIPT["system"]:
        raise Wrong(f"the system prompt is {seen.system!r}")
    scene = SCENES[name]
    if name == "refused":
        raise Wrong(scene["message"])
    if name == "broken":
        return Play(name, text=scene["answer"], breaks=scene["message"])
    if name == "length":
        if seen.limit != 16:
            raise Wrong(f"the limit of the answer is {seen.limit}")
        return Play(name, text=scene["answer"], finish="length")
    if name == "structured" and untitled(seen.schema) != SCRIPT["schema"]:
        raise Wrong(f"the schema is {seen.schema}")
    if name == "image":
        check_images(seen.images)
    thought = SCRIPT["thought"] if seen.thinks else ""
    if "calls" not in scene:
        return Play(name, thought, scene["answer"])
    check_tools(seen.tools, scene["tools"])
    if not seen.results:
        return Play(name, thought, calls=[Call(*call) for call in scene["calls"]], finish="calls")
    return Play(name, text=after_results(seen, scene) + (note(seen) if name == "thinking_call" else ""))


@dataclasses.dataclass
class Call:
    """A call that a model makes."""

    name: str
    arguments: dict

    @property
    def json(self):
        return json.dumps(self.arguments, separators=(",", ":"))

    def id(self, start, index, length=24):
        """An id in the form of its maker."""
        digest = hashlib.sha256(f"{index}{self.name}{self.json}".encode()).hexdigest()
        return start + digest[:length]


def after_results(seen, scene):
    """The answer that each result gives, in the order of the calls."""
    made = [[name, arguments] for _, name, arguments in seen.calls]
    if made != scene["calls"]:
        raise Wrong(f"the calls came back as {made}")
    said = []
    for call_id, name, arguments in seen.calls:
        if call_id not in seen.results:
            raise Wrong(f"the call {call_id} has no result")
        said.append(f"{arguments.get('city', name)}: {plain(seen.results[call_id])}")
    return "; ".join(said)


def untitled(schema):
    """A schema without the words that some clients add for people."""
    return {key: value for key, value in (schema or {}).items() if key not in ("title", "description")}


def note(seen):
    return " (thoughts kept)" if seen.kept else " (thoughts lost)"


def plain(result):
    """The words of a result, which some clients wrap into an object or quote."""
    try:
        value = json.loads(result)
    except ValueError:
        return result
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, str) else result


def check_tools(tools, names):
    for name in names:
        wanted = SCRIPT["tools"][name]["parameters"]
        given = tools.get(name)
        if given is None or given.get("type") != "object":
            raise Wrong(f"the tool {name} has the schema {given}")
        if list(given.get("properties", {})) != list(wanted["properties"]):
            raise Wrong(f"the tool {name} takes {given.get('properties')}")
        if sorted(given.get("required", [])) != sorted(wanted["required"]):
            raise Wrong(f"the tool {name} requires {given.get('required')}")


def check_images(images):
    if [kind for kind, _ in images] != [IMAGE["media_type"]]:
        raise Wrong(f"the pictures are {[kind for kind, _ in images]}")
    if images[0][1] != base64.b64decode(IMAGE["base64"]):
        raise Wrong("the picture is another one")


def proof(maker, *words):
    """A signature that only its maker can check."""
    digest = hashlib.sha256("|".join((maker, *words)).encode()).digest()
    return base64.b64encode(digest * 3).decode()


def pieces(text, count=3):
    """A text in several pieces."""
    size = max(1, -(-len(text) // count))
    return [text[at : at + size] for at in range(0, len(text), size)]


def need(condition, message):
    if not condition:
        raise Wrong(message)


def decoded(text, where):
    """The bytes of strict base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise Wrong(f"{where} is not base64") from None


def parsed(text, where):
    """The object that a JSON text holds."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        raise Wrong(f"{where} is not JSON: {text!r}") from None
    need(isinstance(value, dict), f"{where} is not an object: {text!r}")
    return value


def sse(data, event=None, end="\n"):
    """One server-sent event."""
    name = f"event: {event}{end}" if event else ""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"{name}data: {text}{end}{end}".encode()
