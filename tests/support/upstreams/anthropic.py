"""Anthropic's messages, of a model that thinks by budget. Modelled on the API reference, "Extended thinking" and
"Streaming messages"."""

import re

from . import script
from .script import Seen, decoded, need, pieces, proof, sse

KNOWN = set(
    "model messages system max_tokens stream temperature top_p top_k stop_sequences tools tool_choice thinking "
    "output_config metadata service_tier cache_control".split()
)
ID = re.compile(r"[a-zA-Z0-9_-]+")
FINISH = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use"}


class Anthropic:
    key_headers = (("x-api-key", ""), ("authorization", "Bearer "))
    content_type = "text/event-stream"
    path = re.compile(r"/v1/messages$")

    def read(self, body, path):
        unknown = set(body) - KNOWN
        need(not unknown, f"{', '.join(sorted(unknown))}: Extra inputs are not permitted")
        for name, kind in (("model", str), ("messages", list), ("max_tokens", int)):
            need(isinstance(body.get(name), kind), f"{name}: Field required")
        seen = Seen(stream=body.get("stream") is True, limit=body["max_tokens"])
        thinking = body.get("thinking") or {"type": "disabled"}
        seen.thinks = thinking["type"] == "enabled"
        if seen.thinks:
            budget = thinking.get("budget_tokens", 0)
            need(budget >= 1024, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
            need(budget < body["max_tokens"], "`max_tokens` must be greater than `thinking.budget_tokens`")
            need(body.get("temperature", 1) == 1, "`temperature` may only be set to 1 when thinking is enabled")
            forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
            need(not forced, "Thinking may not be enabled when tool_choice forces tool use")
        system = body.get("system", "")
        seen.system = system if isinstance(system, str) else "".join(text(block, "system") for block in system)
        self._read_messages(body["messages"], seen)
        for tool in body.get("tools") or []:
            seen.tools[tool["name"]] = tool["input_schema"]
        form = (body.get("output_config") or {}).get("format")
        if form:
            need(form.get("type") == "json_schema", "output_config.format.type")
            seen.schema = form.get("schema")
        return seen

    def _read_messages(self, messages, seen):
        waiting = []
        for at, message in enumerate(messages):
            need(message.get("role") in ("user", "assistant"), f"messages.{at}.role: {message.get('role')}")
            content = message.get("content")
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            need(isinstance(blocks, list) and blocks, f"messages.{at}: at least one block is required")
            if message["role"] == "user":
                self._read_user(blocks, at, waiting, seen)
                waiting = []
            else:
                need(not waiting, f"messages.{at}: `tool_use` ids were found without `tool_result` blocks")
                waiting = self._read_assistant(blocks, at, at >= len(messages) - 2, seen)
        need(not waiting, "`tool_use` ids were found without `tool_result` blocks immediately after")

    def _read_user(self, blocks, at, waiting, seen):
        results = [block for block in blocks if block["type"] == "tool_result"]
        need(blocks[: len(results)] == results, f"messages.{at}: `tool_result` blocks must come first")
        found = [block.get("tool_use_id") for block in results]
        need(sorted(found) == sorted(waiting), f"messages.{at}: `tool_use` ids {waiting} have the results {found}")
        for at_block, block in enumerate(blocks):
            where = f"messages.{at}.content.{at_block}"
            if block["type"] == "tool_result":
                content = block.get("content", "")
                said = content if isinstance(content, str) else "".join(text(part, where) for part in content)
                seen.results[block["tool_use_id"]] = said
            elif block["type"] == "image":
                source = block["source"]
                need(source.get("type") == "base64", f"{where}.source.type")
                seen.images.append((source["media_type"], decoded(source["data"], where)))
            else:
                seen.prompt = seen.prompt or text(block, where)

    def _read_assistant(self, blocks, at, is_last, seen):
        calls = [block for block in blocks if block["type"] == "tool_use"]
        thoughts = [block for block in blocks if block["type"] == "thinking"]
        for block in blocks:
            need(block["type"] in ("text", "tool_use", "thinking"), f"messages.{at}: {block['type']}")
        for block in thoughts:
            signed = block.get("signature") == proof("anthropic", block.get("thinking", ""))
            need(signed, f"messages.{at}: Invalid `signature` in `thinking` block")
            seen.kept = True
        if seen.thinks and calls and is_last:
            first = blocks[0]["type"]
            need(first == "thinking", f"messages.{at}.content.0.type: Expected `thinking`, but found `{first}`")
        for block in calls:
            need(ID.fullmatch(block.get("id", "")), f"messages.{at}: tool_use.id: {block.get('id')}")
            need(isinstance(block.get("input"), dict), f"messages.{at}: tool_use.input")
            seen.calls.append((block["id"], block["name"], block["input"]))
        return [block["id"] for block in calls]

    def whole(self, play, body):
        blocks = [finished for _, _, finished in self._blocks(play)]
        return {**head(body), "content": blocks, "stop_reason": FINISH[play.finish], "usage": usage()}

    def stream(self, play, body):
        begun = {**head(body), "content": [], "stop_reason": None, "usage": {**usage(), "output_tokens": 1}}
        yield event({"type": "message_start", "message": begun})
        for at, (start, deltas, _) in enumerate(self._blocks(play)):
            yield event({"type": "content_block_start", "index": at, "content_block": start})
            yield event({"type": "ping"}) if at == 0 else b""
            for delta in deltas:
                yield event({"type": "content_block_delta", "index": at, "delta": delta})
            if play.breaks:
                yield event(self.error(529, play.breaks))
                return
            yield event({"type": "content_block_stop", "index": at})
        ended = {"stop_reason": FINISH[play.finish], "stop_sequence": None}
        yield event({"type": "message_delta", "delta": ended, "usage": usage()})
        yield event({"type": "message_stop"})

    @staticmethod
    def _blocks(play):
        """Each block as it begins, grows and is at last."""
        if play.thought:
            signature = proof("anthropic", play.thought)
            grows = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(play.thought)]
            grows.append({"type": "signature_delta", "signature": signature})
            block = {"type": "thinking", "thinking": play.thought, "signature": signature}
            yield {"type": "thinking", "thinking": "", "signature": ""}, grows, block
        if play.text:
            grows = [{"type": "text_delta", "text": piece} for piece in pieces(play.text)]
            yield {"type": "text", "text": ""}, grows, {"type": "text", "text": play.text}
        for at, call in enumerate(play.calls):
            start = {"type": "tool_use", "id": call.id("toolu_", at), "name": call.name, "input": {}}
            # No arguments: an input of `{}` and no delta at all.
            parts = ["", *pieces(call.json)] if call.arguments else []
            grows = [{"type": "input_json_delta", "partial_json": piece} for piece in parts]
            yield start, grows, {**start, "input": call.arguments}

    @staticmethod
    def error(status, message):
        kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
        kind = kinds.get(status, "overloaded_error" if status == 529 else "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted0123456789"}


def text(block, where):
    need(block.get("type") == "text", f"{where}.type: {block.get('type')}")
    need(block.get("text", "").strip(), f"{where}: text content blocks must be non-empty")
    return block["text"]


def head(body):
    about = {"id": "msg_scripted", "type": "message", "role": "assistant", "model": body["model"]}
    return {**about, "stop_sequence": None}


def event(data):
    return sse(data, data["type"])


def usage():
    spent = script.USAGE
    return {
        "input_tokens": spent["input"] - spent["cached"],
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": spent["cached"],
        "output_tokens": spent["output"],
    }
