"""A real llama.cpp server with a real model, and the gate in front of it. Nothing here is scripted."""

import json
import pathlib
import subprocess

import pytest
from openai import OpenAI

from gateway import REPOSITORY, Gate

ENVIRONMENT = REPOSITORY / ".venv-model"
WEIGHTS = ENVIRONMENT / "weights/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="session")
def model_server():
    serve = pathlib.Path(__file__).with_name("serve.py")
    process = subprocess.Popen(
        [ENVIRONMENT / "bin/python", serve, WEIGHTS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    line = process.stdout.readline()
    assert line, f"the model server did not start, see {WEIGHTS}.log (installed by `cargo xtask setup`)"
    yield json.loads(line)["base_url"]
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="session")
def gate(model_server, tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp("model") / "gate", upstream_url=model_server)
    yield gate
    gate.kill()


@pytest.fixture
def client(gate):
    return OpenAI(base_url=gate.base_url, api_key=gate.api_key, max_retries=0, timeout=120)
