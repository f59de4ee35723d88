"""All scripted upstreams in one HTTP server, each below its own path: `/NAME/…`, and `/NAME/FAULT~ANYTHING/…` for one
that answers everything with an error. It knows of the protocols only that they read, answer and refuse."""

import http.server
import json
import threading

from .anthropic import Anthropic
from .bedrock import Bedrock
from .chat import Chat
from .gemini import Gemini
from .responses import Responses
from .script import Wrong, play

# Name: the protocol, the provider of the catalogue that it stands for, the model, the key, the base path.
UPSTREAMS = {
    "chat": (Chat(False), "openai_compatible", "gate-small", "sk-scripted-0123456789", "/v1"),
    "openrouter": (Chat(True), "openrouter", "maker/gate-thinking", "sk-or-scripted-0123456789", "/v1"),
    "responses": (Responses(), "responses_compatible", "gpt-5-scripted", "sk-scripted-0123456789", "/v1"),
    "anthropic": (Anthropic(), "anthropic", "claude-sonnet-4-5-scripted", "sk-ant-scripted-0123456789", "/v1"),
    "gemini": (Gemini(), "gemini", "gemini-3-scripted", "AIzaScripted0123456789", "/v1beta"),
    "bedrock": (Bedrock(), "bedrock", "eu.anthropic.claude-sonnet-4-5-v1:0", "ABSK" + "scripted" * 4, ""),
}
FAULTS = {"denied": 401, "limited": 429, "failed": 500}
RETRY_AFTER_SECONDS = 7


class Upstreams:
    """The server, in a thread of its own."""

    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def base_url(self, name, fault=None):
        """Where a connection leads."""
        way = f"/{fault}" if fault else ""
        return f"{self.url}/{name}{way}{UPSTREAMS[name][4]}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        """The demo command asks what its upstream offers."""
        models = [{"id": "idle", "object": "model", "created": 0, "owned_by": "script"}]
        self._send(200, {"object": "list", "data": models})

    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        _, name, rest = self.path.split("/", 2)
        protocol = UPSTREAMS[name][0]
        try:
            fault, tail = self._fault(rest)
            if fault:
                raise Wrong(f"This is the scripted {fault}.", fault)
            self._check_head(name, tail)
            body = json.loads(sent)
            seen = protocol.read(body, self.path)
            told = play(seen)
            body.setdefault("model", self._model(protocol))
        except Wrong as wrong:
            self._refuse(protocol, wrong.status, str(wrong))
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as fault:
            self._refuse(protocol, 400, f"malformed: {type(fault).__name__} {fault}")
        else:
            more = (self.path,) if isinstance(protocol, Gemini) else ()
            if seen.stream:
                self._stream(protocol.content_type, protocol.stream(told, body, *more))
            else:
                self._send(200, protocol.whole(told, body, *more))

    @staticmethod
    def _fault(rest):
        first, _, tail = rest.partition("/")
        kind = first.partition("~")[0] if "~" in first else ""
        return FAULTS.get(kind), tail if "~" in first else rest

    def _check_head(self, name, tail):
        protocol, _, _, key, base = UPSTREAMS[name]
        if not protocol.path.search("/" + tail):
            raise Wrong(f"no such path: {self.path}", 404)
        if all(self.headers.get(header) != prefix + key for header, prefix in protocol.key_headers):
            raise Wrong("the key is another one", 401)
        leaked = [name for name in self.headers if name.lower().startswith(("x-portcullis", "cookie", "x-stainless"))]
        if leaked:
            raise Wrong(f"the caller's headers came through: {leaked}")
        if name == "anthropic" and not self.headers.get("anthropic-version"):
            raise Wrong("anthropic-version: header is required")

    def _model(self, protocol):
        found = protocol.path.search(self.path)
        return found[1] if found and found.groups() else ""

    def _refuse(self, protocol, status, message):
        headers = getattr(protocol, "error_headers", lambda _: [])(status)
        if status == 429:
            headers = [*headers, ("retry-after", str(RETRY_AFTER_SECONDS))]
        self._send(status, protocol.error(status, message), headers)

    def _send(self, status, body, headers=()):
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in (("content-type", "application/json"), ("content-length", str(len(data))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, content_type, events):
        """Each event in two chunks, so that borders lie inside of events and of characters."""
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            middle = len(event) // 2
            for data in (event[:middle], event[middle:]):
                if data:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")
