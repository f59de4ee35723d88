"""A real HTTP server that misbehaves on command: each request takes the next step of the script, and a request
without a step gets a plain good answer. It records what it was sent."""

import http.server
import json
import socket
import struct
import threading

MODEL = "scripted"
GOOD_TEXT = "All is well at the gate."
GOOD_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


class Upstream:
    def __init__(self):
        self.requests = []
        self._steps = []
        self._lock = threading.Lock()
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def script(self, *steps):
        """Forgets the past and sets the next steps."""
        with self._lock:
            self.requests.clear()
            self._steps[:] = steps

    def take(self, request):
        with self._lock:
            self.requests.append(request)
            return self._steps.pop(0) if self._steps else good()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A gate that hangs up is what some of the tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        if "/responses/" in self.path:
            return self.do_DELETE()
        models = {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "test"}]}
        send(self, 200, models)

    def do_DELETE(self):
        """What is asked about something that is kept takes a step as well; it has no body."""
        self.server.owner.take({"path": self.path, "headers": self.headers, "body": None})(self)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        is_json = self.headers.get("content-type", "").startswith("application/json")
        request = {"path": self.path, "headers": self.headers, "body": json.loads(body) if is_json else body}
        self.server.owner.take(request)(self)


def completion(text=GOOD_TEXT):
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1767225600,
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": GOOD_USAGE,
    }


def response(name, text=GOOD_TEXT):
    """An answer in the protocol of responses, kept as `name`."""
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {
        "id": name,
        "object": "response",
        "created_at": 1767225600,
        "status": "completed",
        "model": MODEL,
        "output": [{**message, "content": [{"type": "output_text", "text": text, "annotations": []}]}],
        "parallel_tool_calls": True,
        "store": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 18,
        },
    }


def chunk(delta, finish=None):
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": 1767225600,
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def send(handler, status, body, headers=()):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in (("content-type", "application/json"), ("content-length", str(len(data))), *headers):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


# --- steps ---------------------------------------------------------------------------------------------------------


def good(headers=()):
    return lambda handler: send(handler, 200, completion(), headers)


def status(code, body=None, headers=()):
    fault = {"error": {"message": f"scripted {code}", "type": "server_error", "param": None, "code": None}}
    return lambda handler: send(handler, code, fault if body is None else body, headers)


def raw(body, content_type="application/json"):
    """A 200 whose body is not what it should be."""

    def step(handler):
        handler.send_response(200)
        handler.send_header("content-type", content_type)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return step


def stream(*pieces, then="end"):
    """Server-sent events; `then` is "end" (the body ends), "reset" (the connection breaks) or "stall" (silence)."""

    def step(handler):
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for piece in pieces:
            data = piece if isinstance(piece, bytes) else f"data: {json.dumps(piece)}\n\n".encode()
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()
        if then == "end":
            handler.wfile.write(b"0\r\n\r\n")
        elif then == "reset":
            _break(handler)
        else:
            handler.server.owner.released.wait(30)
            _break(handler)

    return step


def hang_up():
    """The connection ends before any answer."""
    return _break


def stall():
    """The request is read, and then nothing happens until the test is over."""

    def step(handler):
        handler.server.owner.released.wait(30)
        _break(handler)

    return step


def _break(handler):
    # A linger of zero makes the close a reset, so that it cannot be taken for an orderly end.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()
