"""The official OpenAI client for Python, chat completions."""

import json

from openai import APIError, APIStatusError, OpenAI

from features import Answer, Call, Fault, cells

STOPS = {"stop": "stop", "length": "length", "tool_calls": "calls"}


class Client:
    name = "openai-python-chat"
    bases = ("/v1", "")
    has_ids = True

    def __init__(self, url, key, base):
        self.client = OpenAI(base_url=url + base, api_key=key, max_retries=0)

    def ask(self, ask):
        asked = {"model": ask.model, "messages": messages(ask)}
        if ask.tools:
            asked["tools"] = [{"type": "function", "function": {"name": name, **tool}} for name, tool in ask.tools.items()]
        if ask.schema:
            form = {"name": "weather", "schema": ask.schema, "strict": True}
            asked["response_format"] = {"type": "json_schema", "json_schema": form}
        if ask.thinks:
            # An extension that OpenRouter publishes: OpenAI itself has no word for showing thoughts.
            asked["extra_body"] = {"reasoning": {"effort": "medium"}}
        if ask.limit:
            asked["max_completion_tokens"] = ask.limit
        if not ask.stream:
            completion = self.client.chat.completions.create(**asked)
            return answer(completion.choices[0].message.to_dict(), completion.choices[0].finish_reason, completion.usage)
        chunks = self.client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
        return answer(*gathered(chunks))

    @staticmethod
    def fault(error):
        if isinstance(error, APIStatusError):
            return Fault(error.status_code, error.message, error.response.headers.get("retry-after"))
        assert isinstance(error, APIError), repr(error)
        return Fault(None, error.message)


def messages(ask):
    content = ask.prompt
    if ask.image:
        url = f"data:{ask.image['media_type']};base64,{ask.image['base64']}"
        content = [{"type": "text", "text": ask.prompt}, {"type": "image_url", "image_url": {"url": url}}]
    said = [{"role": "system", "content": ask.system}, {"role": "user", "content": content}]
    if ask.past:
        said.append(ask.past.turn)
        for call, result in zip(ask.past.calls, ask.results, strict=True):
            said.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return said


def gathered(chunks):
    """The message that a stream makes, as an application puts it together."""
    message, finish, usage, calls = {"role": "assistant", "content": ""}, None, None, {}
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            delta = choice.delta.to_dict()
            message["content"] += delta.get("content") or ""
            for name in ("reasoning", "reasoning_content"):
                if delta.get(name):
                    message[name] = message.get(name, "") + delta[name]
            for piece in delta.get("reasoning_details") or []:
                put_together(message.setdefault("reasoning_details", []), piece)
            for piece in delta.get("tool_calls") or []:
                known = calls.setdefault(piece["index"], {"type": "function", "function": {"name": "", "arguments": ""}})
                known["id"] = piece.get("id") or known["id"]
                for name, value in piece["function"].items():
                    known["function"][name] += value or ""
    assert sorted(calls) == list(range(len(calls))), calls
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return message, finish, usage


def put_together(details, piece):
    """Pieces of one number are one thought."""
    last = details[-1] if details else None
    if last is None or last.get("index") != piece.get("index") or last["type"] != piece["type"]:
        details.append(piece)
        return
    for name, value in piece.items():
        last[name] = last.get(name, "") + value if name == "text" else value


def answer(message, finish, usage):
    calls = [
        Call(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or []
    ]
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    spent = (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens)
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    return Answer(message["content"] or "", STOPS.get(finish, finish), thought, calls, spent, message)


test_cell = cells(Client)
