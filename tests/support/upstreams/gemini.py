"""Google's generateContent, of a Gemini 3: its calls have no ids, and none may come back without its signature. Modelled
on the API reference, "Function calling" and "Thought signatures"."""

import re

from .script import USAGE, Seen, decoded, need, pieces, proof, sse

KNOWN = set("contents systemInstruction tools toolConfig generationConfig safetySettings serviceTier cachedContent".split())
CONFIG = set(
    "temperature topP topK maxOutputTokens stopSequences candidateCount seed responseMimeType responseSchema "
    "responseJsonSchema thinkingConfig presencePenalty frequencyPenalty responseLogprobs logprobs responseModalities".split()
)
FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "calls": "STOP"}
STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


class Gemini:
    key_headers = (("x-goog-api-key", ""),)
    content_type = "text/event-stream"
    path = re.compile(r"/v1beta/models/([^/]+):(generateContent|streamGenerateContent)(\?alt=sse)?$")

    def read(self, body, path):
        body = camel(body)
        unknown = set(body) - KNOWN
        need(not unknown, f'Invalid JSON payload received. Unknown name "{", ".join(sorted(unknown))}"')
        _, method, sse_asked = self.path.search(path).groups()
        seen = Seen(stream=method.startswith("stream"))
        need(seen.stream == bool(sse_asked), "a stream is asked for with alt=sse")
        config = body.get("generationConfig") or {}
        unknown = set(config) - CONFIG
        need(not unknown, f'Unknown name "{", ".join(sorted(unknown))}" at \'generation_config\'')
        seen.limit = config.get("maxOutputTokens")
        seen.thinks = (config.get("thinkingConfig") or {}).get("includeThoughts") is True
        thinking = set(config.get("thinkingConfig") or {})
        need(not {"thinkingBudget", "thinkingLevel"} <= thinking, "thinking_budget and thinking_level are not both taken")
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        if schema:
            need(config.get("responseMimeType") == "application/json", "a schema needs the type application/json")
            seen.schema = lowered(schema)
        seen.system = "".join(part["text"] for part in (body.get("systemInstruction") or {}).get("parts", []))
        for group in body.get("tools") or []:
            for tool in group.get("functionDeclarations", []):
                need(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}", tool.get("name", "")), f"name: {tool.get('name')}")
                seen.tools[tool["name"]] = lowered(tool.get("parametersJsonSchema") or tool.get("parameters") or NOTHING)
        self._read_contents(body.get("contents"), seen)
        return seen

    def _read_contents(self, contents, seen):
        need(isinstance(contents, list) and contents, "contents are not specified")
        waiting = []
        for at, content in enumerate(contents):
            parts = content.get("parts")
            need(isinstance(parts, list) and parts, f"contents[{at}].parts: must not be empty")
            need(content.get("role", "user") in ("user", "model"), f"Please use a valid role: {content.get('role')}")
            if content.get("role") == "model":
                need(not waiting, "a function response turn must come immediately after a function call turn")
                waiting = self._read_model(parts, at, seen)
                continue
            answered = [part["functionResponse"] for part in parts if "functionResponse" in part]
            need(len(answered) == len(waiting), "function response parts and function call parts differ in number")
            for response in answered:
                self._read_response(response, waiting, seen)
            waiting = []
            for part in parts:
                if "inlineData" in part:
                    data = part["inlineData"]
                    seen.images.append((data.get("mimeType"), decoded(common(data.get("data")), "inline_data")))
                elif "functionResponse" not in part:
                    need(part.get("text"), f"contents[{at}]: a part without data: {part}")
                    seen.prompt = seen.prompt or part["text"]
        need(not waiting, "a function call has no response")

    def _read_model(self, parts, at, seen):
        calls = [part for part in parts if "functionCall" in part]
        for index, part in enumerate(calls):
            call = part["functionCall"]
            name, arguments = call["name"], call.get("args") or {}
            given = common(part.get("thoughtSignature"))
            if index == 0 or given:
                right = proof("gemini", name, repr(sorted(arguments.items())))
                need(given, f"Function call `{name}` in content {at} is missing a thought_signature")
                need(given == right, "Thought signature is not valid")
                seen.kept = True
            seen.calls.append((f"{at}.{index}", name, arguments))
        return [(call_id, name, part["functionCall"].get("id")) for (call_id, name, _), part in
                zip(seen.calls[len(seen.calls) - len(calls):], calls)]

    def _read_response(self, response, waiting, seen):
        need(isinstance(response.get("response"), dict), "function_response.response: must be an object")
        for found in waiting:
            call_id, name, given = found
            if call_id not in seen.results and name == response.get("name") and given == response.get("id"):
                said = response["response"]
                seen.results[call_id] = str(next(iter(said.values()))) if len(said) == 1 else str(said)
                return
        need(False, f"function_response `{response.get('name')}` belongs to no call")

    def whole(self, play, body, path=""):
        parts = [part for part, _ in self._parts(play)]
        return self._answer(play, parts, path, FINISH[play.finish])

    def stream(self, play, body, path=""):
        last = None
        for part, texts in self._parts(play):
            for text in texts or [None]:
                if last:
                    yield sse(self._answer(play, [last], path), end="\r\n")
                last = part if text is None else {**part, "text": text}
        if play.breaks:
            yield sse(self._answer(play, [last], path), end="\r\n")
            yield sse(self.error(503, play.breaks), end="\r\n")
            return
        yield sse(self._answer(play, [last], path, FINISH[play.finish]), end="\r\n")

    @staticmethod
    def _parts(play):
        """Each part, and the texts in which it comes."""
        if play.thought:
            yield {"text": play.thought, "thought": True}, pieces(play.thought)
        if play.text:
            yield {"text": play.text}, pieces(play.text)
        for at, call in enumerate(play.calls):
            part = {"functionCall": {"name": call.name, "args": call.arguments}}
            if at == 0:
                part["thoughtSignature"] = proof("gemini", call.name, repr(sorted(call.arguments.items())))
            yield part, None

    def _answer(self, play, parts, path, finish=None):
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        usage = {
            "promptTokenCount": USAGE["input"], "cachedContentTokenCount": USAGE["cached"],
            "candidatesTokenCount": USAGE["output"] - play.thought_tokens,
            "totalTokenCount": USAGE["input"] + USAGE["output"],
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": USAGE["input"]}],
        }
        if play.thought_tokens:
            usage["thoughtsTokenCount"] = play.thought_tokens
        found = self.path.search(path)
        model = found[1] if found else "scripted"
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "scripted"}

    @staticmethod
    def error(status, message):
        error = {"code": status, "message": message, "status": STATUS.get(status, "INTERNAL")}
        if status == 429:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
        return {"error": error}


# A function of no arguments may be declared without a schema.
NOTHING = {"type": "object", "properties": {}}


# What is the caller's own, and keeps its names.
OPAQUE = {"args", "response", "parametersJsonSchema", "responseJsonSchema"}


def common(text):
    """Base64 in its common alphabet: Google takes both."""
    return (text or "").translate(str.maketrans("-_", "+/"))


def camel(value):
    """The members in the names of today: Google takes those of its interface descriptions, with underscores, as well."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), key): item for key, item in value.items()}
    return {key: item if key in OPAQUE else camel(item) for key, item in named.items()}


def lowered(schema):
    """A schema with the types of JSON Schema, which Google also takes in capitals."""
    if isinstance(schema, list):
        return [lowered(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.lower() if key == "type" and isinstance(value, str) else lowered(value)
        for key, value in schema.items()
        if key not in ("propertyOrdering", "title")
    }
