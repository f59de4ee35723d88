// The official OpenAI client for Node against the built gate: what is refused or fails, and who tries again.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";

import { Gate } from "./gateway.mjs";
import { GOOD_TEXT, Upstream, broken, status } from "./upstream.mjs";

const KEY_NAME = "TEST_UPSTREAM_KEY";
const ask = { model: "scripted", messages: [{ role: "user", content: "Hello" }] };

let upstream;
let gate;

before(async () => {
  upstream = await Upstream.start();
  const where = ["--provider-url", upstream.baseURL, "--provider-key-env", KEY_NAME];
  gate = await Gate.start(where, { [KEY_NAME]: "sk-upstream-0123456789abcdef-secret" });
});
after(async () => {
  await gate.stop();
  upstream.stop();
});

const client = (options = {}) => new OpenAI({ baseURL: gate.baseURL, apiKey: gate.apiKey, maxRetries: 0, ...options });

test("a wrong key", async () => {
  const start = performance.now();
  await assert.rejects(
    client({ apiKey: `pc_live_${"7".repeat(52)}`, maxRetries: 3 }).chat.completions.create(ask),
    (fault) => {
      assert.ok(fault instanceof OpenAI.AuthenticationError);
      assert.equal(fault.code, "invalid_api_key");
      assert.equal(fault.headers.get("x-should-retry"), "false");
      return true;
    },
  );
  assert.ok(performance.now() - start >= 80);
});

test("an unknown model and an unreadable request", async () => {
  await assert.rejects(client().chat.completions.create({ ...ask, model: "gpt-nowhere" }), OpenAI.NotFoundError);
  await assert.rejects(client().chat.completions.create({ ...ask, model: 7 }), (fault) => {
    assert.ok([400, 422].includes(fault.status), fault.message);
    return true;
  });
  assert.equal(upstream.requests.length, 0);
});

test("a body over the limit is refused once", async () => {
  const apiKey = gate.newKey("small-bodies", "--body-bytes", "2000");
  const big = { ...ask, messages: [{ role: "user", content: "x".repeat(3000) }] };
  await assert.rejects(client({ apiKey, maxRetries: 3 }).chat.completions.create(big), (fault) => fault.status === 413);
});

test("the gate tries a failing upstream again", async () => {
  upstream.script(status(500), status(503));
  const { data, response } = await client().chat.completions.create(ask).withResponse();
  assert.equal(data.choices[0].message.content, GOOD_TEXT);
  assert.equal(response.headers.get("x-portcullis-attempts"), "3");
});

test("the client tries the gate again when that may help", async () => {
  // The third failure puts the connection to rest; the client waits as long as it is told, and its retry is the probe.
  upstream.script(...Array(3).fill(status(500)));
  const answer = await client({ maxRetries: 2 }).chat.completions.create(ask);
  assert.equal(answer.choices[0].message.content, GOOD_TEXT);
  assert.equal(upstream.requests.length, 4, "three attempts for the first request, one for the second");
});

test("a caller's mistake goes through once", async () => {
  upstream.script(...Array(9).fill(status(400)));
  await assert.rejects(client({ maxRetries: 2 }).chat.completions.create(ask), OpenAI.BadRequestError);
  assert.equal(upstream.requests.length, 1);
});

test("too many requests", async () => {
  const apiKey = gate.newKey("one-a-minute", "--rpm", "1");
  upstream.script();
  await client({ apiKey }).chat.completions.create(ask);
  await assert.rejects(client({ apiKey }).chat.completions.create(ask), (fault) => {
    assert.ok(fault instanceof OpenAI.RateLimitError);
    assert.ok(Number(fault.headers.get("retry-after-ms")) > 0);
    return true;
  });
});

test("a stream that breaks off is never a success", async () => {
  upstream.script(broken(["one ", "two "]));
  const stream = await client().chat.completions.create(
    { ...ask, stream: true },
    { headers: { "x-request-id": "node-broken" } },
  );
  let text = "";
  await assert.rejects(async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  }, OpenAI.APIError);
  assert.equal(text, "one two ");
  assert.equal((await gate.usageOf("node-broken")).outcome, "cut");
});
