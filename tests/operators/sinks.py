"""A mail server and a webhook of the tests' own, on the loopback interface."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Mailbox:
    """What the mail server got: envelope receivers and messages."""

    port: int = 0
    receivers: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


@dataclass
class Hook:
    """What was posted; the first ``refuse`` calls are answered with 503."""

    port: int = 0
    refuse: int = 0
    calls: int = 0
    posted: list[tuple[str, Any]] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A mail server that takes everything, without TLS and login."""
    box = Mailbox()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 sink")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"QUIT":
                    self._say("221 bye")
                    return
                if word == b"RCPT":
                    box.receivers.append(line.decode().partition("<")[2].partition(">")[0])
                if word == b"DATA":
                    self._say("354 go on")
                    box.messages.append(message_from_bytes(self._message()))
                self._say("250 ok")

        def _message(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            return b"".join(lines)

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server, _serving(server):
        box.port = server.server_address[1]
        yield box


@contextmanager
def webhook() -> Iterator[Hook]:
    """A web server that keeps the JSON that is posted to it."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.calls += 1
            refused = hook.calls <= hook.refuse
            if not refused:
                hook.posted.append((self.path, json.loads(body)))
            self.send_response(503 if refused else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server, _serving(server):
        hook.port = server.server_address[1]
        yield hook


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)
