// The built binary as a process, for the Node suite: start it, ask for its books, kill it.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env.GATE_BINARY ?? join(import.meta.dirname, "../../../target/debug/portcullis");
const BOOKS_WITHIN_MS = 15_000;

// A developer's own settings must not reach the test.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("PORTCULLIS_") && !name.startsWith("OPENAI_")),
);

export class Gate {
  static async start(extra = [], variables = {}) {
    const folder = mkdtempSync(join(tmpdir(), "gate-"));
    const dataDir = join(folder, "data");
    const log = join(folder, "gate.log");
    const listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    const child = spawn(BINARY, ["demo", "--json", ...listen, "--data-dir", dataDir, ...extra], {
      env: { ...environment, ...variables },
      stdio: ["ignore", "pipe", openSync(log, "a")],
    });
    const lines = createInterface({ input: child.stdout });
    const line = await new Promise((resolve) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(""));
    });
    if (!line.startsWith("{")) throw new Error(`the gate did not start: ${line}\n${readFileSync(log, "utf8")}`);
    const gate = new Gate(JSON.parse(line), child, folder, dataDir);
    // Rows are found by their request id, which is kept of no call unless somebody says so.
    gate.command("retention", "set", "traces", "--keep", "24");
    return gate;
  }

  constructor(said, child, folder, dataDir) {
    Object.assign(this, { baseURL: said.base_url, apiKey: said.api_key, child, folder, dataDir });
  }

  command(...words) {
    const text = execFileSync(BINARY, [...words, "--json", "--data-dir", this.dataDir], { env: environment });
    return JSON.parse(text);
  }

  newKey(name, ...options) {
    return this.command("key", "create", "--name", name, ...options).key;
  }

  // The row of a request id, once it is booked.
  async usageOf(requestId) {
    return waitFor(
      () => this.command("usage", "list", "--limit", "100000").usage.find((row) => row.request_id === requestId),
      `the usage row of ${requestId}`,
    );
  }

  async stop() {
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await gone;
    rmSync(this.folder, { recursive: true });
  }
}

export async function waitFor(look, what) {
  const until = Date.now() + BOOKS_WITHIN_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
