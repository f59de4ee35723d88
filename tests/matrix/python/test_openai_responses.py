"""The official OpenAI client for Python, responses."""

import json

from openai import APIError, APIStatusError, OpenAI

from features import Answer, Call, Fault, cells


class Client:
    name = "openai-python-responses"
    bases = ("/v1", "")
    has_ids = True

    def __init__(self, url, key, base):
        self.client = OpenAI(base_url=url + base, api_key=key, max_retries=0)

    def ask(self, ask):
        asked = {"model": ask.model, "instructions": ask.system, "input": items(ask), "store": False}
        if ask.tools:
            tools = ask.tools.items()
            asked["tools"] = [{"type": "function", "name": name, "strict": False, **tool} for name, tool in tools]
        if ask.schema:
            asked["text"] = {"format": {"type": "json_schema", "name": "weather", "schema": ask.schema, "strict": True}}
        if ask.thinks:
            asked["reasoning"] = {"effort": "medium", "summary": "auto"}
            asked["include"] = ["reasoning.encrypted_content"]
        if ask.limit:
            asked["max_output_tokens"] = ask.limit
        if not ask.stream:
            return answer(self.client.responses.create(**asked))
        said, numbers = "", []
        with self.client.responses.stream(**asked) as stream:
            for event in stream:
                numbers.append(event.sequence_number)
                if event.type == "error":
                    raise Broken(event.message)
                if event.type == "response.failed":
                    raise Broken(event.response.error.message)
                if event.type == "response.incomplete":
                    final = event.response
                if event.type == "response.completed":
                    final = event.response
                said += event.delta if event.type == "response.output_text.delta" else ""
        assert numbers == list(range(len(numbers))), numbers
        assert said == final.output_text, said
        return answer(final)

    @staticmethod
    def fault(error):
        if isinstance(error, APIStatusError):
            return Fault(error.status_code, error.message, error.response.headers.get("retry-after"))
        assert isinstance(error, (APIError, Broken)), repr(error)
        return Fault(None, str(error))


class Broken(Exception):
    """The stream told of an error."""


def items(ask):
    content = [{"type": "input_text", "text": ask.prompt}]
    if ask.image:
        url = f"data:{ask.image['media_type']};base64,{ask.image['base64']}"
        content.append({"type": "input_image", "image_url": url, "detail": "auto"})
    said = [{"role": "user", "content": content}]
    if ask.past:
        said += ask.past.turn
        for call, result in zip(ask.past.calls, ask.results, strict=True):
            said.append({"type": "function_call_output", "call_id": call.id, "output": result})
    return said


def answer(response):
    calls, thought = [], ""
    for item in response.output:
        if item.type == "function_call":
            calls.append(Call(item.call_id, item.name, json.loads(item.arguments)))
        if item.type == "reasoning":
            thought += "".join(part.text for part in item.summary)
            thought += "".join(part.text for part in item.content or [])
    stop = "calls" if calls else "stop"
    if response.status != "completed":
        assert response.incomplete_details, response
        stop = {"max_output_tokens": "length"}.get(response.incomplete_details.reason)
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage
    spent = (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens)
    turn = [item.to_dict() for item in response.output]
    return Answer(response.output_text, stop, thought, calls, spent, turn)


test_cell = cells(Client)
