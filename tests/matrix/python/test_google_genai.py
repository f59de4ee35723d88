"""The official Google client for Python."""

import base64

from google import genai
from google.genai import errors, types

from features import Answer, Call, Fault, cells

STOPS = {"STOP": "stop", "MAX_TOKENS": "length"}
BUDGET = 1_024


class Client:
    name = "google-genai-python"
    bases = ("", "/v1")
    # Of this protocol not all calls have one.
    has_ids = False

    def __init__(self, url, key, base):
        options = types.HttpOptions(base_url=url + base, api_version="v1beta")
        self.client = genai.Client(api_key=key, http_options=options)

    def ask(self, ask):
        config = types.GenerateContentConfig(system_instruction=ask.system, max_output_tokens=ask.limit)
        if ask.tools:
            tools = [
                types.FunctionDeclaration(
                    name=name, description=tool["description"], parameters_json_schema=tool["parameters"]
                )
                for name, tool in ask.tools.items()
            ]
            config.tools = [types.Tool(function_declarations=tools)]
            config.automatic_function_calling = types.AutomaticFunctionCallingConfig(disable=True)
        if ask.schema:
            config.response_mime_type = "application/json"
            config.response_json_schema = ask.schema
        if ask.thinks:
            config.thinking_config = types.ThinkingConfig(include_thoughts=True, thinking_budget=BUDGET)
        asked = {"model": ask.model, "contents": contents(ask), "config": config}
        if not ask.stream:
            return answer([self.client.models.generate_content(**asked)])
        return answer(list(self.client.models.generate_content_stream(**asked)))

    @staticmethod
    def fault(error):
        assert isinstance(error, errors.APIError), repr(error)
        assert isinstance(error.code, int) and error.status, error
        headers = getattr(error.response, "headers", {})
        return Fault(error.code, error.message, headers.get("retry-after"))


def contents(ask):
    parts = [types.Part.from_text(text=ask.prompt)]
    if ask.image:
        data = base64.b64decode(ask.image["base64"])
        parts.append(types.Part.from_bytes(data=data, mime_type=ask.image["media_type"]))
    said = [types.Content(role="user", parts=parts)]
    if ask.past:
        said.append(ask.past.turn)
        responses = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": result}))
            for call, result in zip(ask.past.calls, ask.results, strict=True)
        ]
        said.append(types.Content(role="user", parts=responses))
    return said


def answer(chunks):
    parts, finish, usage = [], None, None
    for chunk in chunks:
        usage = chunk.usage_metadata or usage
        for candidate in chunk.candidates or []:
            finish = candidate.finish_reason or finish
            parts += (candidate.content and candidate.content.parts) or []
    calls = [part.function_call for part in parts if part.function_call]
    found = [Call(call.id, call.name, call.args or {}) for call in calls]
    text = "".join(part.text for part in parts if part.text and not part.thought)
    thought = "".join(part.text for part in parts if part.text and part.thought)
    finish = finish.value if finish else None
    stop = "calls" if found and finish == "STOP" else STOPS.get(finish, finish)
    made = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    assert usage.total_token_count == usage.prompt_token_count + made, usage
    spent = (usage.prompt_token_count, usage.cached_content_token_count or 0, made)
    return Answer(text, stop, thought, found, spent, types.Content(role="model", parts=parts))


test_cell = cells(Client)
