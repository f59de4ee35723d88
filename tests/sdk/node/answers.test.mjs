// The official OpenAI client for Node against the built gate: what works.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { Gate, waitFor } from "./gateway.mjs";

const say = (content) => [{ role: "user", content }];
const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};

let gate;
let client;

before(async () => {
  gate = await Gate.start();
  client = new OpenAI({ baseURL: gate.baseURL, apiKey: gate.apiKey, maxRetries: 0 });
});
after(() => gate.stop());

async function textOf(stream) {
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

test("a whole answer, with and without the version in the base URL", async () => {
  for (const baseURL of [gate.baseURL, gate.baseURL.replace(/\/v1$/, "")]) {
    const one = new OpenAI({ baseURL, apiKey: gate.apiKey, maxRetries: 0 });
    const answer = await one.chat.completions.create({ model: "demo-fast", messages: say("Hello") });
    assert.match(answer.choices[0].message.content, /demo/i);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  }
});

test("a stream is the whole answer in pieces, and hides usage nobody asked for", async () => {
  const whole = await client.chat.completions.create({ model: "demo-fast", messages: say("A story.") });
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({
    model: "demo-fast",
    messages: say("A story."),
    stream: true,
  })) {
    chunks.push(chunk);
  }
  const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
  assert.equal(text, whole.choices[0].message.content);
  assert.ok(chunks.every((chunk) => chunk.choices.length > 0 && !chunk.usage));
});

test("a stream that asks for usage gets it last", async () => {
  const whole = await client.chat.completions.create({ model: "demo-fast", messages: say("Hello") });
  const stream = await client.chat.completions.create({
    model: "demo-fast",
    messages: say("Hello"),
    stream: true,
    stream_options: { include_usage: true },
  });
  let last;
  for await (const chunk of stream) last = chunk;
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage, whole.usage);
});

test("the stream helper puts text and tool calls together", async () => {
  const told = client.chat.completions.stream({ model: "demo-fast", messages: say("Hello") });
  assert.match(await told.finalContent(), /demo/i);
  const called = client.chat.completions.stream({ model: "demo-smart", messages: say("Weather?"), tools: [WEATHER] });
  const message = await called.finalMessage();
  assert.equal(message.tool_calls[0].function.name, "weather");
  assert.equal(typeof JSON.parse(message.tool_calls[0].function.arguments).city, "string");
});

test("a tool call and the turn after its result", async () => {
  const messages = say("Weather?");
  const first = await client.chat.completions.create({ model: "demo-smart", messages, tools: [WEATHER] });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const message = first.choices[0].message;
  const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny, 21 degrees" };
  const second = await client.chat.completions.create({
    model: "demo-smart",
    messages: [...messages, message, result],
    tools: [WEATHER],
  });
  assert.match(second.choices[0].message.content, /sunny, 21 degrees/);
});

test("structured output is parsed", async () => {
  const Report = z.object({ title: z.string(), mood: z.enum(["calm", "busy"]), guards: z.array(z.object({ age: z.int() })) });
  const answer = await client.chat.completions.parse({
    model: "demo-smart",
    messages: say("Report!"),
    response_format: zodResponseFormat(Report, "report"),
  });
  Report.parse(answer.choices[0].message.parsed);
});

test("embeddings, completions, models", async () => {
  const vectors = await client.embeddings.create({ model: "demo-embed", input: ["a gate", "a wall"], dimensions: 16 });
  assert.deepEqual(vectors.data.map((row) => row.embedding.length), [16, 16]);
  const length = Math.hypot(...vectors.data[0].embedding);
  assert.ok(Math.abs(length - 1) < 1e-3, `length ${length}`);
  const written = await client.completions.create({ model: "demo-fast", prompt: "Once", max_tokens: 5 });
  assert.ok(written.choices[0].text.length > 0);
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.some((name) => name.endsWith("demo-embed")), names.join());
  for (const name of names) assert.equal((await client.models.retrieve(name)).id, name);
});

test("the head of an answer, and nothing of the account behind the gate", async () => {
  const { response } = await client.chat.completions
    .create({ model: "demo-fast", messages: say("Hello") })
    .withResponse();
  const head = response.headers;
  assert.equal(head.get("x-request-id"), head.get("request-id"));
  assert.equal(head.get("x-portcullis-model"), "demo-fast");
  assert.equal(head.get("x-portcullis-attempts"), "1");
  assert.match(head.get("x-portcullis-cost-usd"), /^\d+(\.\d+)?$/);
  assert.ok(Number(head.get("x-ratelimit-remaining-requests")) >= 0);
  for (const name of ["openai-organization", "set-cookie", "server"]) assert.equal(head.get(name), null, name);
});

test("the books say what the client was told", async () => {
  const answer = await client.chat.completions.create({ model: "demo-smart", messages: say("Hello") });
  const row = await gate.usageOf(answer._request_id);
  assert.equal(row.tokens.input, answer.usage.prompt_tokens);
  assert.equal(row.tokens.output, answer.usage.completion_tokens);
  assert.equal(row.outcome, "complete");
});

test("a stream that is left is booked as cancelled", async () => {
  const stream = await client.chat.completions.create(
    { model: "demo-fast", messages: say("count to 100000"), stream: true },
    { headers: { "x-request-id": "node-left" } },
  );
  let count = 0;
  for await (const _ of stream) if (++count === 10) break;
  const row = await waitFor(() => gate.usageOf("node-left"), "the row of the stream that was left");
  assert.equal(row.outcome, "cancelled");
});

test("many streams at once", async () => {
  const one = (number) =>
    client.chat.completions.create({ model: "demo-fast", messages: say(`Number ${number}`), stream: true }).then(textOf);
  const texts = await Promise.all(Array.from({ length: 30 }, (_, number) => one(number)));
  assert.equal(new Set(texts).size, 30);
});
