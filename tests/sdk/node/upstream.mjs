// A real HTTP server that misbehaves on command: each request takes the next step of the script, then good answers.

import { createServer } from "node:http";

export const GOOD_TEXT = "All is well at the gate.";
const MODEL = "scripted";

export class Upstream {
  static async start() {
    const upstream = new Upstream();
    await new Promise((resolve) => upstream.server.listen(0, "127.0.0.1", resolve));
    upstream.baseURL = `http://127.0.0.1:${upstream.server.address().port}/v1`;
    return upstream;
  }

  constructor() {
    this.script();
    this.server = createServer(async (request, response) => {
      let body = "";
      for await (const piece of request) body += piece;
      if (request.method === "GET") return json(response, 200, { object: "list", data: [{ id: MODEL, object: "model" }] });
      this.requests.push({ headers: request.headers, body: JSON.parse(body) });
      (this.steps.shift() ?? good)(response);
    });
  }

  script(...steps) {
    this.steps = steps;
    this.requests = [];
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function good(response) {
  json(response, 200, {
    id: "chatcmpl-scripted",
    object: "chat.completion",
    created: 1767225600,
    model: MODEL,
    choices: [{ index: 0, message: { role: "assistant", content: GOOD_TEXT }, finish_reason: "stop" }],
    usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
  });
}

export const status = (code) => (response) =>
  json(response, code, { error: { message: `scripted ${code}`, type: "server_error", param: null, code: null } });

// A stream that says some words and then breaks off.
export const broken = (words) => (response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const content of words) {
    const choices = [{ index: 0, delta: { content }, finish_reason: null }];
    const chunk = { id: "chatcmpl-scripted", object: "chat.completion.chunk", created: 1, model: MODEL, choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
  setTimeout(() => response.destroy(), 50);
};
