"""A real HTTP server that keeps files and works through batches, in OpenAI's form, as far as a client needs it."""

import email.parser
import email.policy
import http.server
import json
import threading

MODEL = "gpt-4o-mini"
CREATED = 1767225600


class Keeper:
    def __init__(self):
        self.files = {}
        self.batches = {}
        self._made = 0
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.owner = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def keep(self, filename, purpose, content):
        self._made += 1
        name = f"file-{self._made}"
        self.files[name] = {"filename": filename, "purpose": purpose, "content": content}
        return name

    def begin(self, asked):
        self._made += 1
        name = f"batch_{self._made}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"],
            "status": "validating",
            "created_at": CREATED,
            "metadata": asked.get("metadata"),
        }
        return self.batches[name]

    def end(self, name, lines):
        """Completes a batch with these lines of results."""
        content = "".join(json.dumps(line) + "\n" for line in lines).encode()
        output = self.keep(f"{name}_output.jsonl", "batch_output", content)
        self.batches[name].update(status="completed", output_file_id=output)

    def file(self, name):
        kept = self.files[name]
        return {
            "id": name,
            "object": "file",
            "bytes": len(kept["content"]),
            "created_at": CREATED,
            "filename": kept["filename"],
            "purpose": kept["purpose"],
            "status": "processed",
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _answer(self):
        owner = self.server.owner
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        match (self.command, *self.path.split("?")[0].removeprefix("/v1/").split("/")):
            case ("GET", "models"):
                return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "test"}]}
            case ("POST", "files"):
                parts = _parts(self.headers["content-type"], body)
                filename, content = parts["file"]
                return owner.file(owner.keep(filename, parts["purpose"][1].decode(), content))
            case ("GET", "files", name) if name in owner.files:
                return owner.file(name)
            case ("GET", "files", name, "content") if name in owner.files:
                return owner.files[name]["content"]
            case ("DELETE", "files", name) if owner.files.pop(name, None):
                return {"id": name, "object": "file", "deleted": True}
            case ("POST", "batches"):
                return owner.begin(json.loads(body))
            case ("GET", "batches"):
                return {"object": "list", "data": list(owner.batches.values()), "has_more": False}
            case ("GET", "batches", name) if name in owner.batches:
                return owner.batches[name]
            case ("POST", "batches", name, "cancel") if name in owner.batches:
                owner.batches[name]["status"] = "cancelling"
                return owner.batches[name]
        return None

    def _serve(self):
        answer = self._answer()
        missing = {"error": {"message": "no such object", "type": "invalid_request_error", "param": "id", "code": None}}
        data = answer if isinstance(answer, bytes) else json.dumps(missing if answer is None else answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _serve


def _parts(media_type, body):
    """The parts of a form, by name: what the file is called, and the content."""
    head = f"content-type: {media_type}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    named = lambda part, word: part.get_param(word, header="content-disposition")
    return {named(part, "name"): (part.get_filename(), part.get_payload(decode=True)) for part in form.iter_parts()}
