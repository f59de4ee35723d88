"""A real llama.cpp server on a free loopback port. Prints one JSON line when it answers, and ends by itself when the
process that started it is gone, however that ended."""

import json
import os
import sys
import time
import urllib.request

CONTEXT_TOKENS = 4096
READY_WITHIN_SECONDS = 120


def main():
    weights = sys.argv[1]
    parent = os.getppid()
    # llama.cpp writes its log to our standard streams; the one line that a caller reads must come alone.
    said = os.fdopen(os.dup(1), "w")
    log = os.open(weights + ".log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)

    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = weights
    settings.model_alias = {"smollm2"}
    settings.n_ctx = CONTEXT_TOKENS
    settings.n_parallel = 2
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.offline = True
    settings.cpuparams.n_threads = max(1, (os.cpu_count() or 2) // 2)
    server = xllamacpp.Server(settings)
    address = server.listening_address
    wait_until_healthy(address)
    said.write(json.dumps({"base_url": f"{address}/v1"}) + "\n")
    said.close()
    while os.getppid() == parent:
        time.sleep(0.5)
    # The server's threads know no orderly end.
    os._exit(0)


def wait_until_healthy(address):
    until = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


if __name__ == "__main__":
    main()
