// Vercel's `ai` with its provider for OpenAI, over chat completions and over responses.

import assert from "node:assert/strict";

import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, Output, RetryError, generateText, jsonSchema, streamText, tool } from "ai";

import { cells } from "./features.mjs";

const STOPS = { stop: "stop", length: "length", "tool-calls": "calls" };

class Client {
  static bases = ["/v1", ""];
  static hasIds = true;
  static hasHeaders = true;

  constructor(baseURL, apiKey) {
    this.provider = createOpenAI({ baseURL, apiKey });
  }

  async ask(ask) {
    const named = ask.tools.map(({ name, description, parameters }) => [
      name,
      tool({ description, inputSchema: jsonSchema(parameters) }),
    ]);
    const asked = {
      model: this.model(ask.model),
      instructions: ask.system,
      messages: messages(ask),
      maxRetries: 0,
      maxOutputTokens: ask.limit,
      providerOptions: { openai: this.options(ask) },
    };
    if (named.length) asked.tools = Object.fromEntries(named);
    if (ask.schema) asked.output = Output.object({ schema: jsonSchema(ask.schema), name: "weather" });
    if (!ask.stream) return answer(await generateText(asked));
    let broken;
    const result = streamText({ ...asked, onError: ({ error }) => (broken ??= error) });
    for await (const part of result.stream) if (part.type === "error") broken ??= part.error;
    if (broken) throw broken;
    return answer({
      text: await result.text,
      finishReason: await result.finishReason,
      reasoningText: await result.reasoningText,
      toolCalls: await result.toolCalls,
      usage: await result.usage,
      response: await result.response,
    });
  }

  fault(error) {
    const cause = RetryError.isInstance(error) ? error.lastError : error;
    if (APICallError.isInstance(cause)) {
      return { status: cause.statusCode, message: cause.message, retryAfter: cause.responseHeaders?.["retry-after"] };
    }
    return { message: cause?.message ?? JSON.stringify(cause) };
  }
}

class Chat extends Client {
  static id = "vercel-ai-chat";

  model(name) {
    return this.provider.chat(name);
  }

  options(ask) {
    return ask.thinks ? { reasoningEffort: "medium", forceReasoning: true } : {};
  }
}

class Responses extends Client {
  static id = "vercel-ai-responses";

  model(name) {
    return this.provider.responses(name);
  }

  options(ask) {
    const thinking = { reasoningEffort: "medium", reasoningSummary: "auto", forceReasoning: true };
    return { store: false, ...(ask.thinks ? thinking : {}) };
  }
}

function messages(ask) {
  const content = [{ type: "text", text: ask.prompt }];
  if (ask.image) content.push({ type: "file", data: ask.image.base64, mediaType: ask.image.media_type });
  const said = [{ role: "user", content }];
  if (!ask.past) return said;
  const results = ask.past.calls.map((call, at) => ({
    type: "tool-result",
    toolCallId: call.id,
    toolName: call.name,
    output: { type: "text", value: ask.results[at] },
  }));
  return [...said, ...ask.past.turn, { role: "tool", content: results }];
}

function answer(result) {
  const { usage } = result;
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
  return {
    text: result.text,
    stop: STOPS[result.finishReason] ?? result.finishReason,
    thought: result.reasoningText ?? "",
    calls: result.toolCalls.map((call) => ({ id: call.toolCallId, name: call.toolName, arguments: call.input })),
    usage: [usage.inputTokens, usage.inputTokenDetails.cacheReadTokens, usage.outputTokens],
    turn: result.response.messages,
  };
}

cells(Chat);
cells(Responses);
