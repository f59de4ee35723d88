// The official OpenAI client for Node, responses.

import assert from "node:assert/strict";

import OpenAI, { APIError } from "openai";

import { cells } from "./features.mjs";

class Broken extends Error {}

class Client {
  static id = "openai-node-responses";
  static bases = ["/v1", ""];
  static hasIds = true;
  static hasHeaders = true;

  constructor(baseURL, apiKey) {
    this.client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  }

  async ask(ask) {
    const body = { model: ask.model, instructions: ask.system, input: items(ask), store: false };
    if (ask.tools.length) body.tools = ask.tools.map((tool) => ({ type: "function", strict: false, ...tool }));
    if (ask.schema) body.text = { format: { type: "json_schema", name: "weather", schema: ask.schema, strict: true } };
    if (ask.thinks) {
      body.reasoning = { effort: "medium", summary: "auto" };
      body.include = ["reasoning.encrypted_content"];
    }
    if (ask.limit) body.max_output_tokens = ask.limit;
    if (!ask.stream) return answer(await this.client.responses.create(body));
    let said = "";
    const stream = this.client.responses.stream(body);
    for await (const event of stream) {
      if (event.type === "error") throw new Broken(event.message);
      if (event.type === "response.failed") throw new Broken(event.response.error.message);
      if (event.type === "response.output_text.delta") said += event.delta;
    }
    const final = answer(await stream.finalResponse());
    assert.equal(said, final.text);
    return final;
  }

  fault(error) {
    assert.ok(error instanceof APIError || error instanceof Broken, error);
    return { status: error.status, message: error.message, retryAfter: error.headers?.get("retry-after") };
  }
}

function items(ask) {
  const content = [{ type: "input_text", text: ask.prompt }];
  if (ask.image) {
    const image_url = `data:${ask.image.media_type};base64,${ask.image.base64}`;
    content.push({ type: "input_image", image_url, detail: "auto" });
  }
  const said = [{ role: "user", content }];
  if (!ask.past) return said;
  const results = ask.past.calls.map((call, at) => ({
    type: "function_call_output",
    call_id: call.id,
    output: ask.results[at],
  }));
  return [...said, ...ask.past.turn, ...results];
}

function answer(response) {
  const found = response.output.filter((item) => item.type === "function_call");
  const calls = found.map((item) => ({ id: item.call_id, name: item.name, arguments: JSON.parse(item.arguments) }));
  const thoughts = response.output.filter((item) => item.type === "reasoning");
  let stop = calls.length ? "calls" : "stop";
  if (response.status !== "completed") {
    stop = { max_output_tokens: "length" }[response.incomplete_details?.reason] ?? response.status;
  }
  const { usage } = response;
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
  const text = response.output
    .flatMap((item) => (item.type === "message" ? item.content : []))
    .map((part) => part.text)
    .join("");
  return {
    text,
    stop,
    thought: thoughts.flatMap((item) => [...item.summary, ...(item.content ?? [])]).map((part) => part.text).join(""),
    calls,
    usage: [usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens],
    // What the helper adds for the application is not sent back.
    turn: response.output.map(({ parsed_arguments: _, ...item }) => item),
  };
}

cells(Client);
