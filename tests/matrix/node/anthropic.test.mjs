// The official Anthropic client for Node.

import assert from "node:assert/strict";

import Anthropic, { APIError } from "@anthropic-ai/sdk";

import { cells } from "./features.mjs";

const STOPS = { end_turn: "stop", max_tokens: "length", tool_use: "calls" };
const LIMIT = 4_096;
const BUDGET = 1_024;

class Client {
  static id = "anthropic-node";
  static bases = ["", "/v1"];
  static hasIds = true;
  static hasHeaders = true;

  constructor(baseURL, apiKey) {
    this.client = new Anthropic({ baseURL, apiKey, maxRetries: 0 });
  }

  async ask(ask) {
    const body = { model: ask.model, system: ask.system, messages: messages(ask), max_tokens: ask.limit ?? LIMIT };
    if (ask.tools.length) {
      body.tools = ask.tools.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters }));
    }
    if (ask.schema) body.output_config = { format: { type: "json_schema", schema: ask.schema } };
    if (ask.thinks) body.thinking = { type: "enabled", budget_tokens: BUDGET };
    if (!ask.stream) return answer(await this.client.messages.create(body));
    return answer(await this.client.messages.stream(body).finalMessage());
  }

  fault(error) {
    assert.ok(error instanceof APIError, error);
    return { status: error.status, message: error.message, retryAfter: error.headers?.get("retry-after") };
  }
}

function messages(ask) {
  const content = [{ type: "text", text: ask.prompt }];
  if (ask.image) {
    const { media_type, base64: data } = ask.image;
    content.unshift({ type: "image", source: { type: "base64", media_type, data } });
  }
  const said = [{ role: "user", content }];
  if (!ask.past) return said;
  const results = ask.past.calls.map((call, at) => ({
    type: "tool_result",
    tool_use_id: call.id,
    content: ask.results[at],
  }));
  return [...said, { role: "assistant", content: ask.past.turn }, { role: "user", content: results }];
}

function answer(message) {
  assert.deepEqual([message.type, message.role], ["message", "assistant"]);
  const of = (type) => message.content.filter((block) => block.type === type);
  const { usage } = message;
  const cached = usage.cache_read_input_tokens ?? 0;
  return {
    text: of("text").map((block) => block.text).join(""),
    stop: STOPS[message.stop_reason] ?? message.stop_reason,
    thought: of("thinking").map((block) => block.thinking).join(""),
    calls: of("tool_use").map((block) => ({ id: block.id, name: block.name, arguments: block.input })),
    usage: [usage.input_tokens + cached, cached, usage.output_tokens],
    turn: message.content,
  };
}

cells(Client);
