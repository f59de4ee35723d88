"""`pydantic-ai`, over each of the protocols that it speaks, by its own form of messages."""

import base64

from anthropic import AsyncAnthropic
from google import genai
from google.genai.types import HttpOptions
from openai import AsyncOpenAI
from pydantic_ai import BinaryContent
from pydantic_ai.direct import model_request_stream_sync, model_request_sync
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError
from pydantic_ai.messages import (
    ModelRequest,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition

from features import Answer, Call, Fault, cells

STOPS = {"stop": "stop", "length": "length", "tool_call": "calls"}
LIMIT = 4_096


class Client:
    bases = ("/v1", "")
    has_ids = True
    settings = {}
    thinking = {}

    def __init__(self, url, key, base):
        self.at = (url + base, key)

    def ask(self, ask):
        settings = {**self.settings, **(self.thinking if ask.thinks else {})}
        if ask.limit:
            settings["max_tokens"] = ask.limit
        parameters = ModelRequestParameters(
            function_tools=[
                ToolDefinition(name=name, description=tool["description"], parameters_json_schema=tool["parameters"])
                for name, tool in ask.tools.items()
            ],
            allow_text_output=True,
        )
        if ask.schema:
            parameters.output_mode = "native"
            parameters.output_object = OutputObjectDefinition(json_schema=ask.schema, name="weather", strict=True)
        asked = (self.model(ask.model), messages(ask))
        options = {"model_settings": settings, "model_request_parameters": parameters}
        if not ask.stream:
            return self.answer(model_request_sync(*asked, **options))
        with model_request_stream_sync(*asked, **options) as stream:
            for _ in stream:
                pass
            return self.answer(stream.response)

    def answer(self, response):
        parts = response.parts
        text = "".join(part.content for part in parts if isinstance(part, TextPart))
        thought = "".join(part.content for part in parts if isinstance(part, ThinkingPart))
        found = [part for part in parts if isinstance(part, ToolCallPart)]
        calls = [Call(part.tool_call_id, part.tool_name, part.args_as_dict()) for part in found]
        stop = "calls" if calls and response.finish_reason == "stop" else STOPS.get(response.finish_reason)
        spent = (response.usage.input_tokens, response.usage.cache_read_tokens, response.usage.output_tokens)
        return Answer(text, stop, thought, calls, spent, response)

    @staticmethod
    def fault(error):
        if isinstance(error, ModelHTTPError):
            headers = getattr(getattr(error.__cause__, "response", None), "headers", {})
            return Fault(error.status_code, str(error), headers.get("retry-after"))
        assert isinstance(error, ModelAPIError) or error.__class__.__name__.endswith("APIError"), repr(error)
        return Fault(None, str(error))


class Chat(Client):
    name = "pydantic-ai-chat"
    # An extension that OpenRouter publishes: OpenAI itself has no word for showing thoughts.
    thinking = {"extra_body": {"reasoning": {"effort": "medium"}}}

    def model(self, name):
        client = AsyncOpenAI(base_url=self.at[0], api_key=self.at[1], max_retries=0)
        return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))


class Responses(Chat):
    name = "pydantic-ai-responses"
    settings = {"openai_store": False}
    thinking = {"openai_reasoning_effort": "medium", "openai_reasoning_summary": "auto"}

    def model(self, name):
        client = AsyncOpenAI(base_url=self.at[0], api_key=self.at[1], max_retries=0)
        # What it would guess from the model's name it is told.
        profile = {"openai_supports_encrypted_reasoning_content": True}
        return OpenAIResponsesModel(name, provider=OpenAIProvider(openai_client=client), profile=profile)


class Anthropic(Client):
    name = "pydantic-ai-anthropic"
    bases = ("", "/v1")
    settings = {"max_tokens": LIMIT}
    thinking = {"anthropic_thinking": {"type": "enabled", "budget_tokens": 1_024}}

    def model(self, name):
        client = AsyncAnthropic(base_url=self.at[0], api_key=self.at[1], max_retries=0)
        # What it would guess from the model's name it is told.
        profile = {"supports_json_schema_output": True}
        return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client), profile=profile)


class Google(Client):
    name = "pydantic-ai-google"
    bases = ("", "/v1")
    thinking = {"google_thinking_config": {"include_thoughts": True, "thinking_budget": 1_024}}

    def model(self, name):
        options = HttpOptions(base_url=self.at[0], api_version="v1beta")
        client = genai.Client(api_key=self.at[1], http_options=options)
        return GoogleModel(name, provider=GoogleProvider(client=client))


def messages(ask):
    content = [ask.prompt]
    if ask.image:
        content.append(BinaryContent(base64.b64decode(ask.image["base64"]), media_type=ask.image["media_type"]))
    said = [ModelRequest(parts=[SystemPromptPart(ask.system), UserPromptPart(content if ask.image else ask.prompt)])]
    if ask.past:
        said.append(ask.past.turn)
        results = zip(ask.past.calls, ask.results, strict=True)
        said.append(ModelRequest(parts=[ToolReturnPart(call.name, text, tool_call_id=call.id) for call, text in results]))
    return said


test_chat = cells(Chat)
test_responses = cells(Responses)
test_anthropic = cells(Anthropic)
test_google = cells(Google)
