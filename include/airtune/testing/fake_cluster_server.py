"""A fake cluster behind HTTP, for what connects by a kubeconfig."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.testing.fake_cluster import FakeCluster


@contextmanager
def served(cluster: FakeCluster) -> Iterator[str]:
    """URL at which ``cluster`` answers until the end of the block; watching is left out."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.partition("?")[0].endswith("/log"):
                self._answer(lambda path, query, body: cluster.text(path, **query))
            else:
                self._answer(lambda path, query, body: cluster.get(path, **query))

        def do_POST(self) -> None:
            self._answer(lambda path, query, body: cluster.post(path, body, **query))

        def do_PATCH(self) -> None:
            self._answer(lambda path, query, body: cluster.patch(path, body, **query))

        def do_DELETE(self) -> None:
            self._answer(lambda path, query, body: cluster.delete(path, body, **query))

        def log_message(self, format: str, *args: Any) -> None:
            return

        def _answer(self, ask: Callable[[str, dict[str, str], Any], Any]) -> None:
            asked = urlsplit(self.path)
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                found = ask(asked.path, dict(parse_qsl(asked.query)), json.loads(sent or "{}"))
                self._send(200, found if isinstance(found, str) else json.dumps(found))
            except ApiRefused as error:
                status = {"reason": error.reason, "message": error.message}
                self._send(error.status, json.dumps(status | {"details": error.details}))

        def _send(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_kubeconfig(path: Path, url: str, token: str = "a-token") -> str:  # noqa: S107 - no secret
    """A kubeconfig for the API server at ``url``; returns its path."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {"token": token}}],
    }
    path.write_text(json.dumps(document))
    return str(path)
