"""Runs the matrix: the scripted upstreams and one built gate before them, then the suites of all clients, and gathers what
became of each cell in one file. `page.py` makes the page of it."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import page  # noqa: E402
from gateway import Gate, wait_for  # noqa: E402
from upstreams.server import UPSTREAMS, Upstreams  # noqa: E402

CLIENTS = json.loads((HERE / "clients.json").read_text())
# Each of these ends a connection or lets it rest, so that each client has connections of its own for it.
FAULTS = ("denied", "limited", "failed", "broken")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--node", default="node", help="the program that runs the suites for Node")
    options.add_argument("--only", default="", help="run the test files whose names hold this; no page is written")
    options.add_argument("--check", action="store_true", help="fail when the page is not what this run gives")
    asked = options.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="matrix-") as folder:
        upstreams = Upstreams()
        results = pathlib.Path(folder) / "results.jsonl"
        results.touch()
        gate = None
        try:
            gate = started(pathlib.Path(folder) / "gate", upstreams)
            world = {**behind(gate, upstreams), "results": str(results)}
            passed = suites(asked, world, pathlib.Path(folder))
        finally:
            if gate:
                gate.kill()
            upstreams.close()
        rows = [json.loads(line) for line in results.read_text().splitlines()]
    print(page.counted(rows, time.monotonic() - begun))
    if asked.only:
        return 0 if passed else 1
    return page.close(rows, passed, asked.check)


def started(folder, upstreams):
    """The gate, with limits out of the way. Its own connection leads to where nothing answers but a list of models."""
    settings = {
        "PORTCULLIS_LIMITS_ADMIN_REQUESTS_PER_MINUTE": "1000000",
        "PORTCULLIS_LIMITS_ORG_REQUESTS_PER_MINUTE": "1000000",
        "PORTCULLIS_RETRIES_PER_TARGET": "0",
    }
    return Gate(folder, upstream_url=f"{upstreams.url}/idle/v1", environment=settings)


def behind(gate, upstreams):
    """The gate before a connection to each upstream, and before those that fail."""
    models, faults = {}, {}
    for name, (_, provider, model, key, _) in UPSTREAMS.items():
        models[name] = model
        connect(gate, name, provider, upstreams.base_url(name), key, model)
        for fault in FAULTS:
            for client in CLIENTS:
                own = model.replace("-v1:0", f"-{fault}-{client}-v1:0") if ":" in model else f"{model}-{fault}-{client}"
                url = upstreams.base_url(name, f"{fault}~{client}")
                connect(gate, f"{name} {fault} {client}", provider, url, key, own)
                faults[f"{fault}/{name}/{client}"] = own
    wait_for(lambda: own in listed(gate) or None, "the last connection")
    return {"url": gate.root_url, "key": gate.api_key, "models": models, "faults": faults}


def connect(gate, name, provider, base_url, key, model):
    body = {"name": name, "provider": provider, "base_url": base_url, "secret": key, "models": [model]}
    ask(f"{gate.admin_url}/api/v1/provider-keys", gate.said["operator_token"], body)


def listed(gate):
    found = ask(f"{gate.base_url}/models", gate.api_key)
    return {model["id"].partition("/")[2] for model in found["data"]}


def ask(url, token, body=None):
    head = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(url, data=json.dumps(body).encode() if body else None, headers=head)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{url}: {error.code} {error.read().decode()}") from None


def suites(asked, world, folder):
    """Runs the suites of both languages side by side; whether all passed."""
    written = folder / "world.json"
    written.write_text(json.dumps(world))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_", "GOOGLE_"))}
    environment = {**kept, "MATRIX_WORLD": str(written), "PYTHONPATH": f"{HERE.parent / 'support'}:{HERE / 'python'}"}
    running = []
    files = [str(file) for file in sorted((HERE / "python").glob("test_*.py")) if asked.only in file.name]
    if files:
        quiet = ["-m", "pytest", "--quiet", "--tb=line", "-p", "no:cacheprovider", "--no-header", *files]
        running.append(subprocess.Popen([sys.executable, *quiet], env=environment, cwd=HERE))
    files = [str(file) for file in sorted((HERE / "node").glob("*.test.mjs")) if asked.only in file.name]
    if files:
        words = [asked.node, "--test", "--test-reporter=dot", *files]
        running.append(subprocess.Popen(words, env=environment, cwd=HERE / "node"))
    return all([process.wait() == 0 for process in running])


if __name__ == "__main__":
    sys.exit(main())
