"""A model hub with one small model, as far as ``huggingface_hub`` asks for downloads."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Manner = Literal["open", "gated", "missing", "broken"]
"""Gives the model; wants a token; has none; answers every call with HTTP 500."""

MODEL = "airtune-test/tiny"
TOKEN = "hf_of-the-tests"  # noqa: S105 - opens nothing but this
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": b"weights" * 1000,
    "pytorch_model.bin": b"the same weights again" * 1000,
}
_COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub(ThreadingHTTPServer):
    """Listens on a free port of ``address``.

    Attributes:
        asked: paths of all requests so far.
    """

    daemon_threads = True

    def __init__(self, manner: Manner, address: str) -> None:
        self.manner = manner
        self.asked: list[str] = []
        super().__init__((address, 0), _Handler)

    @property
    def url(self) -> str:
        """For ``HF_ENDPOINT``."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    def downloads(self, name: str) -> int:
        """How often file ``name`` was fetched or looked at."""
        return sum(path.endswith(f"/{name}") for path in self.asked)


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        if refusal := self._refusal(path):
            status, code = refusal
            headers = {"X-Error-Code": code, "X-Error-Message": f"{code}: {path}"}
            return self._answer(status, b"{}", headers)
        if path.startswith("/api/models/"):
            document = _tree() if "/tree/" in path else _info()
            return self._answer(200, json.dumps(document).encode(), {})
        data = FILES.get(path.rpartition("/")[2])
        if data is None:
            return self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        tag = hashlib.sha256(data).hexdigest()
        self._answer(200, data, {"ETag": f'"{tag}"', "X-Repo-Commit": _COMMIT})

    do_HEAD = do_GET

    def _refusal(self, path: str) -> tuple[int, str] | None:
        match self.server.manner:
            case "missing":
                return 404, "RepoNotFound"
            case "broken":
                return 500, "Internal"
            case "gated" if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                # As the real one: anybody may read about it, not it.
                return None if path.startswith("/api/") else (401, "GatedRepo")
        return None

    def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def _info() -> dict[str, object]:
    siblings = [{"rfilename": name, "size": len(data)} for name, data in FILES.items()]
    return {"id": MODEL, "sha": _COMMIT, "siblings": siblings, "private": False, "tags": []}


def _tree() -> list[dict[str, object]]:
    return [
        {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha256(data).hexdigest()}
        for name, data in FILES.items()
    ]


@contextmanager
def fake_hub(manner: Manner = "open", address: str = "127.0.0.1") -> Iterator[FakeHub]:
    """A hub while the block runs."""
    with FakeHub(manner, address) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
