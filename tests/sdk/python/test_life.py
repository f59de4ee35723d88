"""The life of the process: readiness, an orderly stop with a stream running, one process per data folder."""

import threading

import httpx
import pytest

from conftest import client_of, say
from gateway import DidNotStart, Gate, wait_for


def test_it_says_that_it_lives_and_is_ready(gate):
    for path in ("/healthz", "/readyz"):
        assert httpx.get(gate.root_url + path).status_code == 200, path


def test_a_running_stream_outlives_the_order_to_stop(folder, provider):
    gate = Gate(folder / "drain", upstream_url=provider.base_url)
    codes = []
    stream = client_of(gate).chat.completions.create(
        model="demo-fast", messages=say("count to 200"), stream=True, extra_headers={"x-request-id": "drained"}
    )
    first = next(stream)
    stopping = threading.Thread(target=lambda: codes.append(gate.stop()))
    stopping.start()

    def turned_away():
        try:
            return None if httpx.get(gate.root_url + "/readyz", timeout=2).status_code == 200 else True
        except httpx.TransportError:
            return True

    wait_for(turned_away, "the end of readiness", within_seconds=5)
    text = (first.choices[0].delta.content or "") + "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text.split()[-1].strip(",.") == "200", "the stream was cut by the stop"
    stopping.join()
    assert codes == [0]
    again = Gate(folder / "drain", upstream_url=provider.base_url)
    try:
        assert again.usage_of("drained")["outcome"] == "complete"
    finally:
        again.kill()


def test_two_processes_cannot_serve_one_folder(folder):
    gate = Gate(folder / "single")
    try:
        before = gate.command("provider", "list")
        with pytest.raises(DidNotStart) as refused:
            Gate(gate.data_dir)
        assert "pc_live" not in str(refused.value)
        assert gate.command("provider", "list") == before, "the process that was turned away changed the books"
        client_of(gate).chat.completions.create(model="demo-fast", messages=say("Hello"))
    finally:
        gate.kill()


def test_a_withdrawn_key_stops_working_within_moments(gate):
    made = gate.command("key", "create", "--name", "short-lived")
    client = client_of(gate, made["key"])
    client.chat.completions.create(model="demo-fast", messages=say("Hello"))
    gate.command("key", "revoke", made["id"])

    def refused():
        answer = httpx.get(gate.base_url + "/models", headers={"authorization": f"Bearer {made['key']}"})
        return True if answer.status_code == 401 else None

    wait_for(refused, "the refusal of a revoked key", within_seconds=2)


def test_meters_name_nobody(gate):
    answer = httpx.get(gate.admin_url + "/metrics", headers={"authorization": f"Bearer {gate.said['operator_token']}"})
    assert answer.status_code == 200
    assert "requests_total" in answer.text
    for secret in ("pc_live", "key_", "org_", "Hello"):
        assert secret not in answer.text, secret
