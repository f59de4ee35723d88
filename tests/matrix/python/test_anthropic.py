"""The official Anthropic client for Python."""

from anthropic import Anthropic, APIError, APIStatusError

from features import Answer, Call, Fault, cells

STOPS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "calls"}
LIMIT = 4_096
BUDGET = 1_024


class Client:
    name = "anthropic-python"
    bases = ("", "/v1")
    has_ids = True

    def __init__(self, url, key, base):
        self.client = Anthropic(base_url=url + base, api_key=key, max_retries=0)

    def ask(self, ask):
        asked = {"model": ask.model, "system": ask.system, "messages": messages(ask), "max_tokens": ask.limit or LIMIT}
        if ask.tools:
            asked["tools"] = [
                {"name": name, "description": tool["description"], "input_schema": tool["parameters"]}
                for name, tool in ask.tools.items()
            ]
        if ask.schema:
            asked["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
        if ask.thinks:
            asked["thinking"] = {"type": "enabled", "budget_tokens": BUDGET}
        if not ask.stream:
            return answer(self.client.messages.create(**asked))
        with self.client.messages.stream(**asked) as stream:
            kinds = [event.type for event in stream]
            assert (kinds[0], kinds[-1]) == ("message_start", "message_stop"), kinds
            return answer(stream.get_final_message())

    @staticmethod
    def fault(error):
        assert isinstance(error, APIError), repr(error)
        if isinstance(error, APIStatusError) and error.response.status_code != 200:
            assert error.body["type"] == "error", error.body
            return Fault(error.status_code, error.message, error.response.headers.get("retry-after"))
        return Fault(None, error.message)


def messages(ask):
    content = [{"type": "text", "text": ask.prompt}]
    if ask.image:
        source = {"type": "base64", "media_type": ask.image["media_type"], "data": ask.image["base64"]}
        content.insert(0, {"type": "image", "source": source})
    said = [{"role": "user", "content": content}]
    if ask.past:
        said.append({"role": "assistant", "content": ask.past.turn})
        results = zip(ask.past.calls, ask.results, strict=True)
        blocks = [{"type": "tool_result", "tool_use_id": call.id, "content": result} for call, result in results]
        said.append({"role": "user", "content": blocks})
    return said


def answer(message):
    assert (message.type, message.role) == ("message", "assistant"), message
    blocks = message.content
    text = "".join(block.text for block in blocks if block.type == "text")
    thought = "".join(block.thinking for block in blocks if block.type == "thinking")
    calls = [Call(block.id, block.name, block.input) for block in blocks if block.type == "tool_use"]
    cached = message.usage.cache_read_input_tokens or 0
    spent = (message.usage.input_tokens + cached, cached, message.usage.output_tokens)
    turn = [block.to_dict() for block in blocks]
    return Answer(text, STOPS.get(message.stop_reason, message.stop_reason), thought, calls, spent, turn)


test_cell = cells(Client)
