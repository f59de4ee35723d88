"""Converse and ConverseStream of Amazon Bedrock before a Claude that thinks by budget, with the frames of its event
streams made here. Modelled on the API reference of the runtime and "Event stream encoding"."""

import json
import re
import struct
import urllib.parse
import zlib

from .script import USAGE, Seen, decoded, need, pieces, proof

KNOWN = set(
    "messages system inferenceConfig toolConfig additionalModelRequestFields additionalModelResponseFieldPaths outputConfig "
    "serviceTier guardrailConfig requestMetadata performanceConfig".split()
)
BLOCKS = {"text", "image", "toolUse", "toolResult", "reasoningContent"}
FORMATS = {"png": "image/png", "jpeg": "image/jpeg"}
FINISH = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use"}
ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


class Bedrock:
    key_headers = (("authorization", "Bearer "),)
    content_type = "application/vnd.amazon.eventstream"
    path = re.compile(r"/model/([^/]+)/(converse|converse-stream)$")

    def read(self, body, path):
        unknown = set(body) - KNOWN
        need(not unknown, f"Unexpected field: {', '.join(sorted(unknown))}")
        model, method = self.path.search(path).groups()
        need(":" in urllib.parse.unquote(model), f"The provided model identifier is invalid: {model}")
        seen = Seen(stream=method == "converse-stream")
        inference = body.get("inferenceConfig") or {}
        seen.limit = inference.get("maxTokens")
        thinking = (body.get("additionalModelRequestFields") or {}).get("thinking") or {}
        seen.thinks = thinking.get("type") == "enabled"
        if seen.thinks:
            budget = thinking.get("budget_tokens", 0)
            need(1024 <= budget < inference.get("maxTokens", 1 << 20), f"thinking.enabled.budget_tokens: {budget}")
            need(inference.get("temperature", 1) == 1, "`temperature` may only be set to 1 when thinking is enabled")
        seen.system = "".join(block["text"] for block in body.get("system") or [])
        for tool in (body.get("toolConfig") or {}).get("tools", []):
            seen.tools[tool["toolSpec"]["name"]] = tool["toolSpec"]["inputSchema"]["json"]
        form = (body.get("outputConfig") or {}).get("textFormat")
        if form:
            seen.schema = json.loads(form["structure"]["jsonSchema"]["schema"])
        self._read_messages(body.get("messages"), seen)
        need(seen.tools or not seen.calls, "The toolConfig field must be defined when using toolUse content blocks.")
        return seen

    def _read_messages(self, messages, seen):
        need(isinstance(messages, list) and messages, "The conversation must have a message")
        waiting = []
        for at, message in enumerate(messages):
            turn = "user" if at % 2 == 0 else "assistant"
            need(message.get("role") == turn, f"A conversation must alternate between user and assistant roles: {at}")
            blocks = message.get("content")
            need(isinstance(blocks, list) and blocks, f"The content of message {at} is empty")
            for block in blocks:
                need(len(block) == 1 and set(block) <= BLOCKS, f"message {at}: {sorted(block)}")
                need("text" not in block or block["text"].strip(), f"message {at}: the text field is blank")
            if turn == "user":
                found = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
                need(sorted(found) == sorted(waiting), f"Expected toolResult blocks for {waiting}, found {found}")
                self._read_user(blocks, seen)
                waiting = []
            else:
                waiting = self._read_assistant(blocks, at, at >= len(messages) - 2, seen)
        need(not waiting, "Expected toolResult blocks")

    def _read_user(self, blocks, seen):
        for block in blocks:
            if "toolResult" in block:
                result = block["toolResult"]
                parts = result["content"]
                said = [part["text"] if "text" in part else json.dumps(part.get("json")) for part in parts]
                seen.results[result["toolUseId"]] = "".join(said)
            elif "image" in block:
                kind = FORMATS.get(block["image"]["format"])
                seen.images.append((kind, decoded(block["image"]["source"]["bytes"], "image.source.bytes")))
            else:
                seen.prompt = seen.prompt or block["text"]

    def _read_assistant(self, blocks, at, is_last, seen):
        calls = [block["toolUse"] for block in blocks if "toolUse" in block]
        for block in blocks:
            if thought := block.get("reasoningContent", {}).get("reasoningText"):
                signed = thought.get("signature") == proof("bedrock", thought["text"])
                need(signed, f"messages.{at}: Invalid `signature` in `thinking` block")
                seen.kept = True
        if seen.thinks and calls and is_last:
            need("reasoningContent" in blocks[0], f"messages.{at}.content.0: Expected `thinking`, but found something else")
        for call in calls:
            need(ID.fullmatch(call.get("toolUseId", "")), f"toolUseId: {call.get('toolUseId')}")
            need(isinstance(call.get("input"), dict), "toolUse.input")
            seen.calls.append((call["toolUseId"], call["name"], call["input"]))
        return [call["toolUseId"] for call in calls]

    def whole(self, play, body):
        content = []
        if play.thought:
            text = {"text": play.thought, "signature": proof("bedrock", play.thought)}
            content.append({"reasoningContent": {"reasoningText": text}})
        if play.text:
            content.append({"text": play.text})
        for at, call in enumerate(play.calls):
            use = {"toolUseId": call.id("tooluse_", at, 22), "name": call.name, "input": call.arguments}
            content.append({"toolUse": use})
        message = {"role": "assistant", "content": content}
        return {"output": {"message": message}, "stopReason": FINISH[play.finish], **metadata()}

    def stream(self, play, body):
        yield event("messageStart", {"role": "assistant"})
        at = 0
        if play.thought:
            for text in pieces(play.thought):
                yield delta(at, {"reasoningContent": {"text": text}})
            yield delta(at, {"reasoningContent": {"signature": proof("bedrock", play.thought)}})
            yield event("contentBlockStop", {"contentBlockIndex": at})
            at += 1
        if play.text:
            for text in pieces(play.text):
                yield delta(at, {"text": text})
            if play.breaks:
                yield exception("serviceUnavailableException", play.breaks)
                return
            yield event("contentBlockStop", {"contentBlockIndex": at})
            at += 1
        for number, call in enumerate(play.calls):
            use = {"toolUseId": call.id("tooluse_", number, 22), "name": call.name}
            yield event("contentBlockStart", {"contentBlockIndex": at, "start": {"toolUse": use}})
            for text in pieces(call.json) if call.arguments else [""]:
                yield delta(at, {"toolUse": {"input": text}})
            yield event("contentBlockStop", {"contentBlockIndex": at})
            at += 1
        yield event("messageStop", {"stopReason": FINISH[play.finish]})
        yield event("metadata", metadata())

    @staticmethod
    def error(status, message):
        return {"message": message}

    @staticmethod
    def error_headers(status):
        kinds = {400: "ValidationException", 401: "UnrecognizedClientException", 429: "ThrottlingException"}
        return [("x-amzn-ErrorType", kinds.get(status, "InternalServerException"))]


def metadata():
    usage = {
        "inputTokens": USAGE["input"] - USAGE["cached"], "outputTokens": USAGE["output"],
        "totalTokens": USAGE["input"] + USAGE["output"], "cacheReadInputTokens": USAGE["cached"],
        "cacheWriteInputTokens": 0,
    }
    return {"usage": usage, "metrics": {"latencyMs": 12}}


def delta(at, said):
    return event("contentBlockDelta", {"contentBlockIndex": at, "delta": said})


def event(kind, payload):
    # Padding keeps lengths from telling what was said; readers must take no notice.
    body = json.dumps({**payload, "p": "abcdefghijklmn"[: 1 + len(kind) % 13]}, ensure_ascii=False).encode()
    return frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, body)


def exception(kind, message):
    body = json.dumps({"message": message}).encode()
    return frame({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, body)


def frame(headers, payload):
    """A message: lengths and their checksum, headers, payload, the checksum of all."""
    written = b""
    for name, value in headers.items():
        written += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    prelude = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + written + payload
    return message + struct.pack(">I", zlib.crc32(message))
