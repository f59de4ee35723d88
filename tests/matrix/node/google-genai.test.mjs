// The official Google client for Node.

import assert from "node:assert/strict";

import { ApiError, GoogleGenAI } from "@google/genai";

import { cells } from "./features.mjs";

const STOPS = { STOP: "stop", MAX_TOKENS: "length" };
const BUDGET = 1_024;

class Client {
  static id = "google-genai-node";
  static bases = ["", "/v1"];
  // Of this protocol not all calls have one.
  static hasIds = false;
  // Its errors do not hold the heads of answers.
  static hasHeaders = false;

  constructor(baseUrl, apiKey) {
    this.client = new GoogleGenAI({ apiKey, httpOptions: { baseUrl, apiVersion: "v1beta" } });
  }

  async ask(ask) {
    const config = { systemInstruction: ask.system, maxOutputTokens: ask.limit };
    if (ask.tools.length) {
      const functionDeclarations = ask.tools.map(({ name, description, parameters }) => ({
        name,
        description,
        parametersJsonSchema: parameters,
      }));
      config.tools = [{ functionDeclarations }];
    }
    if (ask.schema) Object.assign(config, { responseMimeType: "application/json", responseJsonSchema: ask.schema });
    if (ask.thinks) config.thinkingConfig = { includeThoughts: true, thinkingBudget: BUDGET };
    const asked = { model: ask.model, contents: contents(ask), config };
    if (!ask.stream) return answer([await this.client.models.generateContent(asked)]);
    const chunks = [];
    for await (const chunk of await this.client.models.generateContentStream(asked)) chunks.push(chunk);
    return answer(chunks);
  }

  fault(error) {
    assert.ok(error instanceof ApiError, error);
    return { status: error.status, message: error.message };
  }
}

function contents(ask) {
  const parts = [{ text: ask.prompt }];
  if (ask.image) parts.push({ inlineData: { data: ask.image.base64, mimeType: ask.image.media_type } });
  const said = [{ role: "user", parts }];
  if (!ask.past) return said;
  const results = ask.past.calls.map(({ id, name }, at) => ({
    functionResponse: { id, name, response: { result: ask.results[at] } },
  }));
  return [...said, ask.past.turn, { role: "user", parts: results }];
}

function answer(chunks) {
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
  const finish = chunks.map((chunk) => chunk.candidates?.[0]?.finishReason).findLast((found) => found);
  const usage = chunks.map((chunk) => chunk.usageMetadata).findLast((found) => found);
  const calls = parts
    .filter((part) => part.functionCall)
    .map(({ functionCall: { id, name, args } }) => ({ id, name, arguments: args ?? {} }));
  const made = (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0);
  assert.equal(usage.totalTokenCount, usage.promptTokenCount + made);
  const texts = (wanted) => parts.filter((part) => part.text && !!part.thought === wanted).map((part) => part.text);
  return {
    text: texts(false).join(""),
    stop: calls.length && finish === "STOP" ? "calls" : (STOPS[finish] ?? finish),
    thought: texts(true).join(""),
    calls,
    usage: [usage.promptTokenCount, usage.cachedContentTokenCount ?? 0, made],
    turn: { role: "model", parts },
  };
}

cells(Client);
