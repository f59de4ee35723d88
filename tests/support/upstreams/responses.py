"""OpenAI's responses, of a model that reasons and keeps nothing. Modelled on the API reference, "Reasoning models" and
"Streaming events"."""

import re

from . import script
from .script import Seen, decoded, need, parsed, pieces, proof, sse

KNOWN = set(
    "model input instructions stream stream_options max_output_tokens temperature top_p tools tool_choice "
    "parallel_tool_calls reasoning text include store metadata prompt_cache_key safety_identifier user service_tier truncation "
    "top_logprobs".split()
)
SUMMARIES = {"auto", "concise", "detailed"}
TEXTS = {"input_text", "output_text"}


class Responses:
    key_headers = (("authorization", "Bearer "),)
    content_type = "text/event-stream; charset=utf-8"
    path = re.compile(r"/v1/responses$")

    def read(self, body, path):
        unknown = set(body) - KNOWN
        need(not unknown, f"Unknown parameter: '{', '.join(sorted(unknown))}'.")
        need(isinstance(body.get("model"), str), "Missing required parameter: 'model'.")
        seen = Seen(stream=body.get("stream") is True, limit=body.get("max_output_tokens"))
        seen.system = body.get("instructions") or ""
        seen.thinks = (body.get("reasoning") or {}).get("summary") in SUMMARIES
        if seen.thinks and body.get("store") is False:
            needed = "reasoning.encrypted_content" in (body.get("include") or [])
            need(needed, "thoughts that are not stored come to nothing without their encrypted form")
        items = body.get("input")
        self._read_items([{"role": "user", "content": items}] if isinstance(items, str) else items, seen)
        for tool in body.get("tools") or []:
            need(tool.get("type") == "function" and tool.get("name"), f"Invalid value: tools: {tool}")
            seen.tools[tool["name"]] = tool.get("parameters") or {}
        form = (body.get("text") or {}).get("format") or {}
        if form.get("type") == "json_schema":
            need(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", form.get("name", "")), "text.format.name")
            seen.schema = form.get("schema")
        return seen

    def _read_items(self, items, seen):
        need(isinstance(items, list) and items, "Missing required parameter: 'input'.")
        for at, item in enumerate(items):
            kind = item.get("type", "message")
            if kind == "message":
                self._read_message(item, at, seen)
            elif kind == "reasoning":
                # Nothing is stored, so that an id alone leads nowhere.
                thought = "".join(part["text"] for part in item.get("summary", []))
                sealed = item.get("encrypted_content") == proof("responses", thought)
                need(sealed, f"Item '{item.get('id')}' of type 'reasoning' could not be verified.")
                seen.kept = True
            elif kind == "function_call":
                arguments = parsed(item.get("arguments"), f"input[{at}].arguments")
                seen.calls.append((item["call_id"], item["name"], arguments))
            elif kind == "function_call_output":
                known = any(call_id == item.get("call_id") for call_id, *_ in seen.calls)
                need(known, f"No tool call found for function call output with call_id {item.get('call_id')}.")
                said = item.get("output")
                seen.results[item["call_id"]] = said if isinstance(said, str) else texts(said, at)
            else:
                need(False, f"Invalid value: '{kind}'. input[{at}].type")
        missing = [call_id for call_id, *_ in seen.calls if call_id not in seen.results]
        need(not missing, f"No tool output found for function call {', '.join(missing)}.")

    def _read_message(self, item, at, seen):
        role, content = item.get("role"), item.get("content")
        need(role in ("user", "system", "developer", "assistant"), f"Invalid value: input[{at}].role: {role}")
        parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
        need(isinstance(parts, list) and parts, f"input[{at}].content")
        for part in parts:
            if part.get("type") == "input_image":
                found = re.fullmatch(r"data:([a-z/+.-]+);base64,(.*)", part.get("image_url", ""), re.S)
                need(found, f"input[{at}]: the picture is no data URL")
                seen.images.append((found[1], decoded(found[2], "the picture")))
                continue
            need(part.get("type") in TEXTS and "text" in part, f"Invalid value: input[{at}].content: {part}")
            if role in ("system", "developer"):
                seen.system += part["text"]
            elif role == "user":
                seen.prompt = seen.prompt or part["text"]

    def whole(self, play, body):
        return self._response(body, play, [item for item, _ in self._items(play)])

    def stream(self, play, body):
        count = -1

        def event(kind, **members):
            nonlocal count
            count += 1
            return sse({"type": kind, "sequence_number": count, **members}, kind)

        begun = {**self._response(body, play, []), "status": "in_progress", "usage": None, "incomplete_details": None}
        yield event("response.created", response=begun)
        yield event("response.in_progress", response=begun)
        for at, (item, grow) in enumerate(self._items(play)):
            empty = {**item, "status": "in_progress"} | {"content": []} if item["type"] == "message" else {**item}
            if item["type"] == "function_call":
                empty |= {"arguments": "", "status": "in_progress"}
            if item["type"] == "reasoning":
                empty |= {"summary": []}
            yield event("response.output_item.added", output_index=at, item=empty)
            for kind, members in grow:
                yield event(kind, item_id=item["id"], output_index=at, **members)
                if play.breaks and kind.endswith("delta") and members["delta"] in play.text[-6:]:
                    break
            if play.breaks:
                error = {"code": "server_error", "message": play.breaks}
                yield event("response.failed", response={**begun, "status": "failed", "error": error})
                return
            yield event("response.output_item.done", output_index=at, item=item)
        done = self._response(body, play, [item for item, _ in self._items(play)])
        yield event(f"response.{done['status']}", response=done)

    @staticmethod
    def _items(play):
        """Each item, and how it grows."""
        if play.thought:
            part = {"type": "summary_text", "text": play.thought}
            item = {"id": "rs_scripted", "type": "reasoning", "summary": [part]}
            item["encrypted_content"] = proof("responses", play.thought)
            start = "response.reasoning_summary"
            yield item, [
                (f"{start}_part.added", {"summary_index": 0, "part": {**part, "text": ""}}),
                *((f"{start}_text.delta", {"summary_index": 0, "delta": text}) for text in pieces(play.thought)),
                (f"{start}_text.done", {"summary_index": 0, "text": play.thought}),
                (f"{start}_part.done", {"summary_index": 0, "part": part}),
            ]
        if play.text:
            part = {"type": "output_text", "text": play.text, "annotations": [], "logprobs": []}
            status = "completed" if play.finish == "stop" else "incomplete"
            item = {"id": "msg_scripted", "type": "message", "status": status, "role": "assistant", "content": [part]}
            text = {"content_index": 0, "logprobs": []}
            yield item, [
                ("response.content_part.added", {"content_index": 0, "part": {**part, "text": ""}}),
                *(("response.output_text.delta", {**text, "delta": piece}) for piece in pieces(play.text)),
                ("response.output_text.done", {**text, "text": play.text}),
                ("response.content_part.done", {"content_index": 0, "part": part}),
            ]
        for at, call in enumerate(play.calls):
            item = {"id": call.id("fc_", at), "type": "function_call", "status": "completed"}
            item |= {"call_id": call.id("call_", at), "name": call.name, "arguments": call.json}
            start = "response.function_call_arguments"
            yield item, [
                *((f"{start}.delta", {"delta": piece}) for piece in pieces(call.json)),
                (f"{start}.done", {"name": call.name, "arguments": call.json}),
            ]

    @staticmethod
    def _response(body, play, output):
        cut = play.finish == "length"
        return {
            "id": "resp_scripted", "object": "response", "created_at": script.CREATED, "model": body["model"],
            "status": "incomplete" if cut else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "error": None, "instructions": body.get("instructions"), "metadata": {}, "output": output,
            "parallel_tool_calls": True, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto",
            "tools": body.get("tools") or [], "max_output_tokens": body.get("max_output_tokens"),
            "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": False,
            "text": {"format": {"type": "text"}}, "truncation": "disabled", "usage": usage(play), "user": None,
        }

    @staticmethod
    def error(status, message):
        kind = {400: "invalid_request_error", 401: "invalid_request_error", 429: "rate_limit_exceeded"}
        code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status)
        return {"error": {"message": message, "type": kind.get(status, "server_error"), "param": None, "code": code}}


def texts(parts, at):
    need(isinstance(parts, list), f"input[{at}].output")
    need(all(part.get("type") in TEXTS for part in parts), f"input[{at}].output: {parts}")
    return "".join(part["text"] for part in parts)


def usage(play):
    spent = script.USAGE
    return {
        "input_tokens": spent["input"], "input_tokens_details": {"cached_tokens": spent["cached"]},
        "output_tokens": spent["output"], "output_tokens_details": {"reasoning_tokens": play.thought_tokens},
        "total_tokens": spent["input"] + spent["output"],
    }
