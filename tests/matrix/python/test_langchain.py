"""`langchain-openai`, over chat completions and over responses."""

from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI
from openai import APIError, APIStatusError

from features import Answer, Call, Fault, cells

STOPS = {"stop": "stop", "length": "length", "tool_calls": "calls", "completed": "stop", "max_output_tokens": "length"}


class Client:
    bases = ("/v1", "")
    has_ids = True
    options = {}
    thinking = {}

    def __init__(self, url, key, base):
        self.at = {"base_url": url + base, "api_key": key, "max_retries": 0}

    def ask(self, ask):
        options = {**self.at, **self.options, **(self.thinking if ask.thinks else {})}
        if ask.limit:
            options["max_tokens"] = ask.limit
        model = ChatOpenAI(model=ask.model, stream_usage=True, **options)
        if ask.tools:
            functions = [{"type": "function", "function": {"name": name, **tool}} for name, tool in ask.tools.items()]
            model = model.bind_tools(functions)
        if ask.schema:
            schema = {"title": "weather", "description": "The weather of a city.", **ask.schema}
            model = model.bind(response_format={"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}})
        if not ask.stream:
            return self.answer(model.invoke(messages(ask)))
        gathered = None
        for chunk in model.stream(messages(ask)):
            assert isinstance(chunk, AIMessageChunk)
            gathered = chunk if gathered is None else gathered + chunk
        return self.answer(gathered)

    @staticmethod
    def answer(message):
        about = message.response_metadata
        finish = about.get("finish_reason") or (about.get("incomplete_details") or {}).get("reason") or about.get("status")
        calls = [Call(call["id"], call["name"], call["args"]) for call in message.tool_calls]
        assert not message.invalid_tool_calls, message
        thought = "".join(
            block.get("reasoning", "") for block in message.content_blocks if block["type"] == "reasoning"
        )
        usage = message.usage_metadata
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], usage
        spent = (usage["input_tokens"], usage["input_token_details"].get("cache_read"), usage["output_tokens"])
        stop = "calls" if calls and finish in ("completed", "tool_calls") else STOPS.get(finish, finish)
        return Answer(message.text, stop, thought, calls, spent, message)

    @staticmethod
    def fault(error):
        if isinstance(error, APIStatusError):
            return Fault(error.status_code, error.message, error.response.headers.get("retry-after"))
        assert isinstance(error, (APIError, ValueError)), repr(error)
        return Fault(None, str(error))


class Chat(Client):
    name = "langchain-openai-chat"
    thinking = {"reasoning_effort": "medium"}


class Responses(Client):
    name = "langchain-openai-responses"
    options = {"use_responses_api": True, "output_version": "responses/v1", "store": False}
    thinking = {"reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}


def messages(ask):
    content = [{"type": "text", "text": ask.prompt}]
    if ask.image:
        content.append({"type": "image", "base64": ask.image["base64"], "mime_type": ask.image["media_type"]})
    said = [SystemMessage(ask.system), HumanMessage(content)]
    if ask.past:
        said.append(ask.past.turn)
        said += [ToolMessage(text, tool_call_id=call.id) for call, text in zip(ask.past.calls, ask.results, strict=True)]
    return said


test_chat = cells(Chat)
test_responses = cells(Responses)
