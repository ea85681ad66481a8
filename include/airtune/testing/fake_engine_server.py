"""The fake engine's HTTP server: OpenAI's API with set latencies, real time, set faults."""

import json
import os
import signal
import threading
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

from airtune.testing.fake_engine_answer import Answer
from airtune.testing.fake_engine_behaviour import Behaviour
from airtune.testing.fake_engine_options import Options
from airtune.testing.fake_engine_traffic import Traffic


class FakeEngine(ThreadingTCPServer):
    """Listens once it is made; ``serve_forever`` answers.

    Raises:
        OSError: the port is taken.
    """

    allow_reuse_address = True  # past connections in TIME_WAIT only; a listener still wins
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, options: Options, behaviour: Behaviour) -> None:
        self.options = options
        self.behaviour = behaviour
        self.traffic = Traffic(behaviour.parallel)
        self.allow_reuse_port = behaviour.share_port
        self._ready_at = time.monotonic() + behaviour.start_s
        self._eaten: list[bytes] = []
        super().__init__((options.host, options.port), _Handler)
        if not behaviour.eat_after_requests:
            self.eat()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    @property
    def ready(self) -> bool:
        """What ``/health`` says."""
        return not self.behaviour.never_ready and time.monotonic() >= self._ready_at

    def eat(self) -> None:
        """Take the memory that was asked for; a cgroup's limit may end the process meanwhile."""
        for _ in range(self.behaviour.eat_memory_mb):
            self._eaten.append(os.urandom(1024) * 1024)  # written to: pages that count


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FakeEngine

    def do_GET(self) -> None:
        options, behaviour = self.server.options, self.server.behaviour
        match self.path.partition("?")[0]:
            case "/health" | "/health_generate":
                self._json(200 if self.server.ready else 503, {})
            case "/v1/models":
                model = {"id": options.model_name, "object": "model", "owned_by": "airtune"}
                self._json(200, {"object": "list", "data": [model]})
            case "/server_info" | "/get_server_info":
                self._json(200, dict(options.flags))
            case "/fake/latency":
                names = ("ttft_ms", "tpot_ms", "seconds")
                self._json(200, {name: getattr(behaviour, name) for name in names})
            case "/fake/traffic":
                self._json(200, asdict(self.server.traffic.count))
            case path:
                self._error(404, f"no such path: {path}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self.path.partition("?")[0]:
            case "/v1/chat/completions":
                self._complete(body, chat=True)
            case "/v1/completions":
                self._complete(body, chat=False)
            case "/flush_cache":
                self._json(200, {})
            case path:
                self._error(404, f"no such path: {path}")

    def _complete(self, body: bytes, *, chat: bool) -> None:
        behaviour = self.server.behaviour
        number = self.server.traffic.arrive()
        if number == behaviour.eat_after_requests:
            self.server.eat()
        _maybe_hang(behaviour, number)
        if not self.server.ready:
            return self._error(503, "the model is being loaded")
        if behaviour.fail_every and number % behaviour.fail_every == 0:
            return self._error(behaviour.fail_status, "this failure was asked for")
        try:
            answer = Answer.to(
                json.loads(body),
                chat=chat,
                model=self.server.options.model_name,
                short=behaviour.short_answers,
            )
        except ValueError as error:
            return self._error(400, f"not a completion request: {error}")
        need = answer.prompt_tokens + answer.asked
        if behaviour.context and need > behaviour.context:
            text = f"maximum context length is {behaviour.context} tokens, requested {need} tokens"
            return self._error(400, text)
        try:
            with self.server.traffic.running():
                self._generate(answer, dies=number == behaviour.die_after_requests)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client left: stop like an engine does

    def _generate(self, answer: Answer, *, dies: bool) -> None:
        """Send the tokens at their times, counted from now so that delays do not add up."""
        behaviour, start = self.server.behaviour, time.monotonic()
        if answer.stream:
            self._begin_stream()
        for index in range(answer.tokens):
            if dies and index >= answer.tokens // 2:
                os.kill(os.getpid(), signal.SIGKILL)
                os._exit(137)  # the first process of a pod is spared by its own signals
            due = start + (behaviour.ttft_ms + index * behaviour.tpot_ms) / 1000
            time.sleep(max(0.0, due - time.monotonic()))
            if answer.stream:
                self._event(json.dumps(answer.piece(index)))
        if not answer.stream:
            return self._json(200, answer.whole())
        for closing in answer.end():
            self._event(json.dumps(closing))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _event(self, text: str) -> None:
        data = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _error(self, status: int, message: str) -> None:
        kind = "BadRequestError" if status == 400 else "ServerError"
        self._json(status, {"error": {"message": message, "type": kind, "code": status}})

    def _json(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """No line a request: a load test would write megabytes."""


def _maybe_hang(behaviour: Behaviour, number: int) -> None:
    late = behaviour.hang_after_requests and number >= behaviour.hang_after_requests
    if behaviour.hang or late:
        threading.Event().wait()
