"""OpenAI's chat completions: as any compatible server has them, and with thoughts that can be checked, as OpenRouter has
them. Modelled on the API reference, "Reasoning tokens" for the latter."""

import re

from . import script
from .script import Seen, Wrong, decoded, need, parsed, pieces, proof, sse

KNOWN = set(
    "model messages stream stream_options max_tokens max_completion_tokens temperature top_p n stop seed tools tool_choice "
    "parallel_tool_calls response_format reasoning_effort user presence_penalty frequency_penalty logprobs "
    "top_logprobs".split()
)
ROLES = {"system", "developer", "user", "assistant", "tool"}
FINISH = {"stop": "stop", "length": "length", "calls": "tool_calls"}
MAX_ID = 40


class Chat:
    """`has_thoughts`: in OpenRouter's form."""

    key_headers = (("authorization", "Bearer "),)
    content_type = "text/event-stream"
    path = re.compile(r"/v1/chat/completions$")

    def __init__(self, has_thoughts):
        self.has_thoughts = has_thoughts
        self.known = KNOWN | ({"reasoning", "top_k", "usage"} if has_thoughts else set())

    def read(self, body, path):
        unknown = set(body) - self.known
        need(not unknown, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
        need(isinstance(body.get("model"), str), "you must provide a model parameter")
        need(isinstance(body.get("messages"), list) and body["messages"], "'messages' must be a non-empty array")
        seen = Seen(stream=body.get("stream") is True, limit=body.get("max_completion_tokens", body.get("max_tokens")))
        if "stream_options" in body:
            need(seen.stream, "'stream_options' is only allowed when 'stream' is enabled")
        # Without it nobody could book the call.
        asked = (body.get("stream_options") or {}).get("include_usage") is True
        need(not seen.stream or asked, "the usage of the stream is not asked for")
        self._read_messages(body["messages"], seen)
        for tool in body.get("tools") or []:
            need(tool.get("type") == "function", "Missing required parameter: 'tools[0].type'")
            seen.tools[tool["function"]["name"]] = tool["function"].get("parameters", {})
        form = body.get("response_format")
        if form and form.get("type") == "json_schema":
            named = form.get("json_schema", {})
            need(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", named.get("name", "")), "response_format.json_schema.name")
            seen.schema = named.get("schema")
        if self.has_thoughts:
            wish = body.get("reasoning") or {}
            wished = wish.get("effort", body.get("reasoning_effort")) or wish.get("max_tokens") or wish.get("enabled")
            seen.thinks = wished not in (None, False, "none") and not wish.get("exclude")
        return seen

    def _read_messages(self, messages, seen):
        waiting = {}
        for at, message in enumerate(messages):
            role = message.get("role")
            need(role in ROLES, f"Invalid value: {role!r}. messages[{at}].role")
            if role == "tool":
                call = message.get("tool_call_id")
                need(call in waiting, f"messages[{at}]: 'tool' must follow a message with this 'tool_calls': {call}")
                del waiting[call]
                seen.results[call] = texts(message.get("content"), at)
                continue
            need(not waiting, f"tool_call_ids did not have response messages: {', '.join(waiting)}")
            if role in ("system", "developer"):
                seen.system += texts(message.get("content"), at)
            elif role == "user":
                self._read_user(message, at, seen)
            else:
                waiting = self._read_assistant(message, at, seen)
        need(not waiting, f"tool_call_ids did not have response messages: {', '.join(waiting)}")

    def _read_user(self, message, at, seen):
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        need(isinstance(parts, list) and parts, f"messages[{at}].content")
        for part in parts:
            if part.get("type") == "image_url":
                found = re.fullmatch(r"data:([a-z/+.-]+);base64,(.*)", part["image_url"]["url"], re.S)
                need(found, f"messages[{at}]: the picture is no data URL")
                seen.images.append((found[1], decoded(found[2], "the picture")))
            else:
                need(part.get("type") == "text" and part.get("text"), f"messages[{at}]: {part}")
                seen.prompt = seen.prompt or part["text"]

    def _read_assistant(self, message, at, seen):
        waiting = {}
        content = message.get("content")
        need(content is not None or message.get("tool_calls"), f"messages[{at}].content is null")
        if self.has_thoughts and (details := message.get("reasoning_details")):
            good = [d for d in details if d.get("signature") == proof("openrouter", d.get("text") or "")]
            need(len(good) == len(details), f"messages[{at}].reasoning_details are not ours: {details}")
            seen.kept = True
        for call in message.get("tool_calls") or []:
            need(call.get("type") == "function", f"messages[{at}].tool_calls[0].type")
            need(isinstance(call.get("id"), str) and len(call["id"]) <= MAX_ID, f"messages[{at}]: {call.get('id')}")
            arguments = parsed(call["function"].get("arguments"), "function.arguments")
            waiting[call["id"]] = call["function"]["name"]
            seen.calls.append((call["id"], call["function"]["name"], arguments))
        return waiting

    def whole(self, play, body):
        message = {"role": "assistant", "content": play.text or None, "refusal": None}
        if play.thought:
            message["reasoning"] = play.thought
            message["reasoning_details"] = [detail(play.thought)]
        if play.calls:
            message["tool_calls"] = [written(call, at) for at, call in enumerate(play.calls)]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[play.finish]}
        return {**self._head(body, "chat.completion"), "choices": [choice], "usage": usage(play)}

    def stream(self, play, body):
        head = self._head(body, "chat.completion.chunk")

        def chunk(delta, finish=None):
            return sse({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

        yield b": PROCESSING\n\n" if self.has_thoughts else b""
        yield chunk({"role": "assistant", "content": ""})
        if play.thought:
            for text in pieces(play.thought):
                part = {"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0}
                yield chunk({"reasoning": text, "reasoning_details": [part]})
            signed = {**detail(play.thought), "text": None}
            yield chunk({"reasoning_details": [{key: value for key, value in signed.items() if value is not None}]})
        for text in pieces(play.text):
            yield chunk({"content": text})
        if play.breaks:
            yield sse({"error": {"message": play.breaks, "type": "server_error", "param": None, "code": "overloaded"}})
            return
        for at, call in enumerate(play.calls):
            start = written(call, at)
            start["function"] = {"name": call.name, "arguments": ""}
            yield chunk({"tool_calls": [{"index": at, **start}]})
            for text in pieces(call.json):
                yield chunk({"tool_calls": [{"index": at, "function": {"arguments": text}}]})
        yield chunk({}, FINISH[play.finish])
        yield sse({**head, "choices": [], "usage": usage(play)})
        yield sse("[DONE]")

    @staticmethod
    def _head(body, kind):
        return {"id": "chatcmpl-scripted", "object": kind, "created": script.CREATED, "model": body["model"]}

    @staticmethod
    def error(status, message):
        kind = {400: "invalid_request_error", 401: "invalid_request_error", 429: "rate_limit_exceeded"}
        code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status)
        return {"error": {"message": message, "type": kind.get(status, "server_error"), "param": None, "code": code}}


def texts(content, at):
    if isinstance(content, str):
        return content
    need(isinstance(content, list), f"messages[{at}].content")
    if any(part.get("type") != "text" for part in content):
        raise Wrong(f"messages[{at}].content takes text only")
    return "".join(part["text"] for part in content)


def detail(thought):
    return {
        "type": "reasoning.text", "text": thought, "signature": proof("openrouter", thought),
        "format": "anthropic-claude-v1", "index": 0,
    }


def written(call, at):
    return {"id": call.id("call_", at), "type": "function", "function": {"name": call.name, "arguments": call.json}}


def usage(play):
    spent = script.USAGE
    return {
        "prompt_tokens": spent["input"],
        "completion_tokens": spent["output"],
        "total_tokens": spent["input"] + spent["output"],
        "prompt_tokens_details": {"cached_tokens": spent["cached"]},
        "completion_tokens_details": {"reasoning_tokens": play.thought_tokens},
    }
