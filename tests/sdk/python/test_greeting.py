"""What `portcullis demo` prints for people works as it is printed."""

import os
import signal
import subprocess
import sys

import pytest

from gateway import BINARY


@pytest.fixture(scope="module")
def printed(folder):
    arguments = ["demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", folder / "greeting"]
    process = subprocess.Popen([BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    lines = []
    while (line := process.stdout.readline()) and "Ctrl-C" not in line:
        lines.append(line)
    assert line, f"no greeting, only: {lines}"
    yield "".join(lines)
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 0
    process.stdout.close()


def run(arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, env=clean, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_curl_line(printed):
    (line,) = (line for line in printed.splitlines() if line.startswith("curl "))
    assert '"role":"assistant"' in run(["sh", "-c", line])


def test_the_python_snippet(printed):
    snippet = printed[printed.index("from openai import") :]
    snippet = snippet[: snippet.index("\n\n")]
    assert "demo provider" in run([sys.executable, "-c", snippet])


def test_the_usage_line(printed):
    (line,) = (line for line in printed.splitlines() if " usage --data-dir " in line)
    assert "demo-fast" in run(["sh", "-c", line])


def test_it_says_that_this_is_no_model(printed):
    assert "not a language model" in printed and "load test" in printed
