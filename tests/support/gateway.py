"""The built binary as a process: the gate, its books, and the demo provider alone. Knows the command line of the
product and nothing of any client library."""

import json
import os
import pathlib
import signal
import subprocess
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("GATE_BINARY", str(REPOSITORY / "target/debug/portcullis"))
# The upstream's key travels by the environment, as it does for a user; its value must never come out again.
UPSTREAM_KEY_NAME = "TEST_UPSTREAM_KEY"
UPSTREAM_KEY = "sk-upstream-0123456789abcdef-secret"
# Books are written a moment after the answer; anything slower than this is a fault.
BOOKS_WITHIN_SECONDS = 15


class DidNotStart(Exception):
    pass


class Process:
    """A program of ours that says in one JSON line where it listens."""

    def __init__(self, arguments, log_path, environment=None):
        # A developer's own settings must not reach the test.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTCULLIS_")}
        self.log_path = pathlib.Path(log_path)
        self._log = open(self.log_path, "ab")
        self._process = subprocess.Popen(
            [BINARY, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**kept, UPSTREAM_KEY_NAME: UPSTREAM_KEY, **(environment or {})},
        )
        line = self._process.stdout.readline()
        try:
            self.said = json.loads(line)
        except ValueError:
            self.kill()
            raise DidNotStart(f"{arguments}: printed {line!r}; log:\n{self.log()}") from None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def kill(self):
        """SIGKILL: nothing can be tidied up."""
        self._process.kill()
        self._reap()

    def stop(self, within_seconds=40):
        """SIGTERM, as a service manager does it; gives the exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(within_seconds)
        finally:
            self.kill()
        return self._process.returncode

    def _reap(self):
        self._process.wait()
        self._process.stdout.close()
        self._log.close()


class Gate(Process):
    """The gate, started by the demo command on free ports."""

    def __init__(self, data_dir, upstream_url=None, environment=None, listen="127.0.0.1:0", provider=None):
        self.data_dir = pathlib.Path(data_dir)
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.data_dir.exists()
        arguments = ["demo", "--json", "--listen", listen, "--admin-listen", "127.0.0.1:0"]
        arguments += ["--data-dir", str(self.data_dir)]
        if upstream_url:
            arguments += ["--provider-url", upstream_url, "--provider-key-env", UPSTREAM_KEY_NAME]
        if provider:
            arguments += ["--provider", provider]
        super().__init__(arguments, f"{self.data_dir}.log", environment)
        self.base_url = self.said["base_url"]
        self.admin_url = self.said["admin_url"]
        self.api_key = self.said["api_key"]
        if fresh:
            # Rows are found by their request id, which is kept of no call unless somebody says so. Before the first
            # call: the gate does not know the key yet.
            self.command("retention", "set", "traces", "--keep", "24")

    @property
    def root_url(self):
        return self.base_url.removesuffix("/v1")

    def command(self, *arguments):
        """Runs a command of the product on the gate's data and gives its JSON."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTCULLIS_")}
        done = subprocess.run(
            [BINARY, *arguments, "--json", "--data-dir", str(self.data_dir)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=kept, check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return json.loads(done.stdout)

    def new_key(self, name, *options):
        """A fresh API key with its own limits."""
        return self.command("key", "create", "--name", name, *options)["key"]

    def usage(self, *filters):
        return self.command("usage", "list", "--limit", "100000", *filters)["usage"]

    def usage_of(self, request_id, count=1):
        """The rows of one request id, once they are booked."""
        rows = wait_for(
            lambda: self.usage("--request-id", request_id) or None,
            f"a usage row of {request_id}",
        )
        assert len(rows) == count, rows
        return rows[0] if count == 1 else rows


class DemoProvider(Process):
    """The demo provider as its own process, with its own tally."""

    def __init__(self, log_path, delay_ms=0):
        super().__init__(
            ["demo", "provider", "--json", "--listen", "127.0.0.1:0", "--chunk-delay-ms", str(delay_ms)], log_path
        )
        self.base_url = self.said["base_url"]
        self.tally_url = self.said["tally_url"]


def wait_for(look, what, within_seconds=BOOKS_WITHIN_SECONDS):
    """Asks until `look` gives something other than None."""
    until = time.monotonic() + within_seconds
    while (found := look()) is None:
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come within {within_seconds} s")
        time.sleep(0.05)
    return found
