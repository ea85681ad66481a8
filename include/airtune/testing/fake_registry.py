"""An image registry that has nothing: for tests of pulls that are refused, or never end."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Manner = Literal["missing", "denied", "silent"]
"""No such image; not for you; no answer at all."""


class FakeRegistry(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1, which engines trust without TLS."""

    daemon_threads = True

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def image(self, name: str = "airtune-test/none:1") -> str:
        """A reference to an image that it would have."""
        return f"127.0.0.1:{self.server_port}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeRegistry

    def do_GET(self) -> None:
        if self.path == "/v2/":
            return self._answer(200, {})
        match self.server.manner:
            case "silent":
                self.server.over.wait()
            case "denied":
                self._answer(403, _error("DENIED", "requested access to the resource is denied"))
            case "missing":
                self._answer(404, _error("MANIFEST_UNKNOWN", "manifest unknown"))

    do_HEAD = do_GET

    def _answer(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def _error(code: str, message: str) -> dict[str, list[dict[str, str]]]:
    return {"errors": [{"code": code, "message": message}]}


@contextmanager
def fake_registry(manner: Manner) -> Iterator[FakeRegistry]:
    """A registry while the block runs."""
    with FakeRegistry(manner) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
