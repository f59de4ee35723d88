// The official OpenAI client for Node, chat completions.

import assert from "node:assert/strict";

import OpenAI, { APIError } from "openai";

import { cells } from "./features.mjs";

const STOPS = { stop: "stop", length: "length", tool_calls: "calls" };

class Client {
  static id = "openai-node-chat";
  static bases = ["/v1", ""];
  static hasIds = true;
  static hasHeaders = true;

  constructor(baseURL, apiKey) {
    this.client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  }

  async ask(ask) {
    const body = { model: ask.model, messages: messages(ask) };
    if (ask.tools.length) body.tools = ask.tools.map((tool) => ({ type: "function", function: tool }));
    if (ask.schema) {
      const json_schema = { name: "weather", schema: ask.schema, strict: true };
      body.response_format = { type: "json_schema", json_schema };
    }
    // An extension that OpenRouter publishes: OpenAI itself has no word for showing thoughts.
    if (ask.thinks) body.reasoning = { effort: "medium" };
    if (ask.limit) body.max_completion_tokens = ask.limit;
    if (!ask.stream) {
      const completion = await this.client.chat.completions.create(body);
      return answer(completion.choices[0].message, completion.choices[0].finish_reason, completion.usage);
    }
    const options = { stream: true, stream_options: { include_usage: true } };
    return answer(...(await gathered(await this.client.chat.completions.create({ ...body, ...options }))));
  }

  fault(error) {
    assert.ok(error instanceof APIError, error);
    return { status: error.status, message: error.message, retryAfter: error.headers?.get("retry-after") };
  }
}

function messages(ask) {
  let content = ask.prompt;
  if (ask.image) {
    const url = `data:${ask.image.media_type};base64,${ask.image.base64}`;
    content = [{ type: "text", text: ask.prompt }, { type: "image_url", image_url: { url } }];
  }
  const said = [{ role: "system", content: ask.system }, { role: "user", content }];
  if (!ask.past) return said;
  const results = ask.past.calls.map((call, at) => ({ role: "tool", tool_call_id: call.id, content: ask.results[at] }));
  return [...said, ask.past.turn, ...results];
}

// The message that a stream makes, as an application puts it together.
async function gathered(chunks) {
  const message = { role: "assistant", content: "" };
  const calls = [];
  let finish, usage;
  for await (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    for (const { delta, finish_reason } of chunk.choices) {
      finish = finish_reason ?? finish;
      message.content += delta.content ?? "";
      for (const name of ["reasoning", "reasoning_content"]) {
        if (delta[name]) message[name] = (message[name] ?? "") + delta[name];
      }
      for (const piece of delta.reasoning_details ?? []) putTogether((message.reasoning_details ??= []), piece);
      for (const piece of delta.tool_calls ?? []) {
        const call = (calls[piece.index] ??= { type: "function", function: { name: "", arguments: "" } });
        call.id ??= piece.id;
        call.function.name += piece.function?.name ?? "";
        call.function.arguments += piece.function?.arguments ?? "";
      }
    }
  }
  if (calls.length) message.tool_calls = calls;
  return [message, finish, usage];
}

// Pieces of one number are one thought.
function putTogether(details, piece) {
  const last = details.at(-1);
  if (last?.index !== piece.index || last?.type !== piece.type) return details.push(piece);
  return Object.assign(last, piece, { text: (last.text ?? "") + (piece.text ?? "") });
}

function answer(message, finish, usage) {
  const calls = (message.tool_calls ?? []).map((call) => ({
    id: call.id,
    name: call.function.name,
    arguments: JSON.parse(call.function.arguments),
  }));
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  return {
    text: message.content ?? "",
    stop: STOPS[finish] ?? finish,
    thought: message.reasoning_content ?? message.reasoning ?? "",
    calls,
    usage: [usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens],
    turn: message,
  };
}

cells(Client);
