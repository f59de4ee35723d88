// What each client must be able to do, as `features.py` has it for Python: a client is a class with `ask`, and a feature
// asks and looks at what came. Each try of a feature is a cell of the matrix.

import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const read = (...path) => JSON.parse(readFileSync(join(import.meta.dirname, ...path), "utf8"));
const FEATURES = read("../features.json");
const IMPOSSIBLE = read("../impossible.json");
export const SCRIPT = read("../../support/upstreams/scenes.json");
const { scenes: SCENES, usage: USAGE } = SCRIPT;
// Where the gate and its upstreams are: a file that the runner writes.
const WORLD = JSON.parse(readFileSync(process.env.MATRIX_WORLD, "utf8"));

class Cell {
  constructor(Client, upstream, stream) {
    Object.assign(this, { Client, upstream, stream, model: WORLD.models[upstream] });
    this.client = this.basedAt(Client.bases[0]);
  }

  // The client, with one of the base URLs that it may be given.
  basedAt(base) {
    return new this.Client(WORLD.url + base, WORLD.key);
  }

  ask(scene, more = {}) {
    const names = SCENES[scene].tools ?? [];
    const tools = names.map((name) => ({ name, ...SCRIPT.tools[name] }));
    const { prompt } = SCENES[scene];
    return this.client.ask({ model: this.model, prompt, system: SCRIPT.system, stream: this.stream, tools, ...more });
  }

  // The error that a question ends in: { status, message, retryAfter }.
  async fault(scene, kind) {
    const model = kind ? WORLD.faults[`${kind}/${this.upstream}/${this.Client.id}`] : this.model;
    let answer;
    try {
      answer = await this.ask(scene, { model });
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return this.client.fault(error);
    }
    assert.fail(`no error, but ${answer.text} (${answer.stop})`);
  }
}

const checkUsage = (answer) => assert.deepEqual(answer.usage, [USAGE.input, USAGE.cached, USAGE.output]);

async function roundTrip(cell, scene, more = {}) {
  const first = await cell.ask(scene, more);
  assert.deepEqual(first.calls.map((call) => [call.name, call.arguments]), SCENES[scene].calls);
  assert.equal(first.stop, "calls");
  if (cell.Client.hasIds) {
    assert.ok(first.calls.every((call) => call.id));
    assert.equal(new Set(first.calls.map((call) => call.id)).size, first.calls.length);
  }
  const results = first.calls.map((call) => SCRIPT.results[call.arguments.city ?? call.name]);
  const second = await cell.ask(scene, { past: first, results, ...more });
  assert.equal(second.stop, "stop");
  assert.deepEqual(second.calls, []);
  return [first, second];
}

async function answersAfterCalls(cell, scene) {
  const [, second] = await roundTrip(cell, scene);
  assert.equal(second.text, SCENES[scene].answer);
  checkUsage(second);
}

const TRIES = {
  async text(cell) {
    const answer = await cell.ask("text");
    assert.equal(answer.text, SCENES.text.answer);
    assert.equal(answer.stop, "stop");
    checkUsage(answer);
  },
  async other_base(cell) {
    cell.client = cell.basedAt(cell.Client.bases[1]);
    assert.equal((await cell.ask("text")).text, SCENES.text.answer);
  },
  async length(cell) {
    const answer = await cell.ask("length", { limit: 16 });
    assert.deepEqual([answer.text, answer.stop], [SCENES.length.answer, "length"]);
  },
  call: (cell) => answersAfterCalls(cell, "call"),
  no_arguments: (cell) => answersAfterCalls(cell, "no_arguments"),
  parallel: (cell) => answersAfterCalls(cell, "parallel"),
  async structured(cell) {
    const answer = await cell.ask("structured", { schema: SCRIPT.schema });
    assert.deepEqual(JSON.parse(answer.text), JSON.parse(SCENES.structured.answer));
  },
  async image(cell) {
    assert.equal((await cell.ask("image", { image: SCRIPT.image })).text, SCENES.image.answer);
  },
  async thinking(cell) {
    const answer = await cell.ask("thinking", { thinks: true });
    assert.equal(answer.text, SCENES.thinking.answer);
    assert.equal(answer.thought, SCRIPT.thought, `thought: '${answer.thought}'`);
    checkUsage(answer);
  },
  async thinking_call(cell) {
    const [first, second] = await roundTrip(cell, "thinking_call", { thinks: true });
    assert.equal(first.thought, SCRIPT.thought, `thought: '${first.thought}'`);
    assert.equal(second.text, `${SCENES.thinking_call.answer} (thoughts kept)`);
  },
  async refused(cell) {
    const fault = await cell.fault("refused");
    assert.equal(fault.status, 400, JSON.stringify(fault));
    assert.ok(fault.message.includes(SCENES.refused.message), fault.message);
  },
  async denied(cell) {
    // The gate's key is bad, not the caller's.
    const fault = await cell.fault("text", "denied");
    assert.equal(fault.status, 502, JSON.stringify(fault));
  },
  async limited(cell) {
    const fault = await cell.fault("text", "limited");
    assert.equal(fault.status, 429, JSON.stringify(fault));
    assert.ok(!cell.Client.hasHeaders || (fault.retryAfter >= 1 && fault.retryAfter <= 8), JSON.stringify(fault));
  },
  async failed(cell) {
    const fault = await cell.fault("text", "failed");
    assert.equal(fault.status, 502, JSON.stringify(fault));
  },
  async broken(cell) {
    const fault = await cell.fault("broken", "broken");
    assert.ok(fault.message, JSON.stringify(fault));
  },
};

// Registers the tests of all cells of a client.
export function cells(Client) {
  for (const [feature, { modes }] of Object.entries(FEATURES)) {
    for (const mode of modes) {
      for (const upstream of Object.keys(WORLD.models)) {
        test(`${Client.id} ${upstream} ${feature} ${mode}`, () => tried(Client, upstream, feature, mode));
      }
    }
  }
}

async function tried(Client, upstream, feature, mode) {
  const about = { client: Client.id, upstream, feature, mode };
  const reason = impossible(about);
  try {
    await TRIES[feature](new Cell(Client, upstream, mode === "stream"));
  } catch (error) {
    const said = `${error.name}: ${error.message}`;
    if (reason && said.includes(reason.seen)) return record(about, "impossible", reason.reason);
    record(about, "failed", said.slice(0, 300));
    throw error;
  }
  record(about, reason ? "failed" : "ok", reason ? "it is listed as impossible" : "");
  assert.ok(!reason, "it is listed as impossible, and works");
}

// The row of the table that says why a cell cannot be.
function impossible(about) {
  const asked = Object.entries(about);
  const fits = IMPOSSIBLE.filter((row) => asked.every(([name, value]) => row[name]?.includes(value) ?? true));
  assert.ok(fits.length <= 1, JSON.stringify(fits));
  return fits[0];
}

function record(about, outcome, said) {
  appendFileSync(WORLD.results, `${JSON.stringify({ ...about, outcome, said })}\n`);
}
