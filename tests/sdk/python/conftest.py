"""Gates for the suite: one in front of the built-in demo provider, one in front of a demo provider of its own process
(whose tally can be read), one in front of an upstream that misbehaves on command."""

import pytest
from openai import APIStatusError, OpenAI

from gateway import DemoProvider, Gate, wait_for
from upstream import Upstream

# The name that the demo command gives its only connection.
CONNECTION = "demo"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gates")


@pytest.fixture(scope="session")
def gate(folder):
    gate = Gate(folder / "demo")
    yield gate
    gate.kill()


@pytest.fixture(scope="session")
def client(gate):
    return client_of(gate)


@pytest.fixture(scope="session")
def provider(folder):
    provider = DemoProvider(folder / "provider.log", delay_ms=5)
    yield provider
    provider.kill()


@pytest.fixture(scope="session")
def slow_gate(folder, provider):
    """Streams here have a pause between their chunks, so that there is a middle to leave in."""
    gate = Gate(folder / "slow", upstream_url=provider.base_url)
    yield gate
    gate.kill()


@pytest.fixture(scope="session")
def scripted_process(folder):
    """Time-outs are short, so that a silent upstream costs the suite little."""
    upstream = Upstream()
    environment = {"PORTCULLIS_TIMEOUTS_FIRST_BYTE_MS": "1000", "PORTCULLIS_TIMEOUTS_BETWEEN_BYTES_MS": "1000"}
    gate = Gate(folder / "scripted", upstream_url=upstream.base_url, environment=environment)
    yield gate, upstream
    upstream.close()
    gate.kill()


@pytest.fixture(scope="session")
def probing_key(scripted_process):
    gate, _ = scripted_process
    return gate.new_key("probing", "--rpm", "100000", "--burst", "1000")


@pytest.fixture
def scripted(scripted_process, probing_key):
    """The gate and its upstream, with an empty script and nothing held against the upstream."""
    gate, upstream = scripted_process
    upstream.script()
    client = client_of(gate, probing_key)

    def answers():
        try:
            return client.chat.completions.create(model="scripted", messages=say("Are you back?"))
        except APIStatusError:
            return None

    def is_off():
        try:
            client.chat.completions.create(model="scripted", messages=say("Are you off?"))
        except APIStatusError as refused:
            # A connection that an earlier test left at rest refuses as well; one that is off has no models.
            return True if refused.status_code == 404 else None
        return None

    # Off and on again, each seen: what the gate learns late would otherwise pardon what the test does to the connection.
    gate.command("provider", "disable", CONNECTION)
    wait_for(is_off, "the disabled connection")
    gate.command("provider", "enable", CONNECTION)
    wait_for(answers, "the enabled connection")
    upstream.script()
    return gate, upstream


def client_of(gate, api_key=None, **options):
    return OpenAI(base_url=gate.base_url, api_key=api_key or gate.api_key, **{"max_retries": 0, **options})


def say(text):
    return [{"role": "user", "content": text}]
