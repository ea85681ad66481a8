import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airtune.launchers.probe import Pending, Readiness, check_ready, responds
from airtune.records import Failure, FailureClass

READY = Readiness(model_name="m", prompt_tokens=7, max_tokens=3)
MODELS = (200, json.dumps({"data": [{"id": "m"}]}))
HEALTHY: dict[str, tuple[int, str]] = {
    "/health": (200, ""),
    "/v1/models": MODELS,
    "/v1/chat/completions": (200, "{}"),
}
COMPLETION = "/v1/chat/completions"


class _Scripted(BaseHTTPRequestHandler):
    answers: Mapping[str, tuple[int, str]]
    asked: list[Any]

    def do_GET(self) -> None:
        status, text = self.answers[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _server(answers: Mapping[str, tuple[int, str]], asked: list[Any]) -> Iterator[str]:
    handler = type("Handler", (_Scripted,), {"answers": HEALTHY | dict(answers), "asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _check(
    answers: Mapping[str, tuple[int, str]], readiness: Readiness = READY
) -> tuple[Failure | Pending | None, list[Any]]:
    asked: list[Any] = []
    with _server(answers, asked) as url:
        return check_ready(url, readiness, 5.0), asked


def test_ready_means_health_name_and_one_completion_of_the_longest_length() -> None:
    result, asked = _check({})
    assert result is None
    assert len(asked) == 1
    assert len(asked[0]["messages"][0]["content"].split()) == 7
    assert asked[0]["max_tokens"] == 3
    assert asked[0]["model"] == "m"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"/health": (503, "")}, "/health says HTTP 503"),
        ({"/health": (404, "")}, "/health says HTTP 404"),
        ({COMPLETION: (503, "")}, "put off with HTTP 503"),
        ({COMPLETION: (429, "")}, "put off with HTTP 429"),
    ],
)
def test_what_may_pass_is_pending(answers: dict[str, tuple[int, str]], reason: str) -> None:
    result, _ = _check(answers)
    assert isinstance(result, Pending)
    assert reason in result.reason


@pytest.mark.parametrize(
    ("answers", "expected", "reason"),
    [
        ({COMPLETION: (400, "too long")}, FailureClass.INVALID_CONFIG, "7 [+] 3 tokens.*too long"),
        ({COMPLETION: (404, "no model m")}, FailureClass.INVALID_CONFIG, "no model m"),
        ({COMPLETION: (500, "boom")}, FailureClass.UNHEALTHY, "HTTP 500: boom"),
        (
            {"/v1/models": (200, '{"data": [{"id": "b"}, {"id": "a"}]}')},
            FailureClass.INVALID_CONFIG,
            "serves a, b, but requests ask for m",
        ),
    ],
)
def test_what_will_not_pass_is_a_failure(
    answers: dict[str, tuple[int, str]], expected: FailureClass, reason: str
) -> None:
    result, _ = _check(answers)
    assert isinstance(result, Failure)
    assert result.failure_class is expected
    with pytest.raises(ValueError, match=reason):
        raise ValueError(result.reason)


@pytest.mark.parametrize(
    "models",
    [
        (404, ""),
        (200, "not JSON"),
        (200, '{"data": null}'),
        (200, '{"data": [{"id": "x", "aliases": ["m"]}]}'),
    ],
)
def test_a_list_of_models_that_says_nothing_against_it_is_no_obstacle(
    models: tuple[int, str],
) -> None:
    assert _check({"/v1/models": models})[0] is None


def test_an_unready_server_is_not_asked_for_a_completion() -> None:
    assert _check({"/health": (503, "")})[1] == []


def test_without_tokens_no_completion_is_asked_for() -> None:
    result, asked = _check({}, READY.model_copy(update={"max_tokens": 0}))
    assert result is None
    assert asked == []


def test_nobody_there_is_pending() -> None:
    with _server({}, []) as url:
        pass
    result = check_ready(url, READY, 1.0)
    assert isinstance(result, Pending)
    assert "no connection" in result.reason


def test_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert _check({})[0] is None


def test_responding_takes_one_token_only() -> None:
    asked: list[Any] = []
    with _server({}, asked) as url:
        assert responds(url, READY)
    assert asked[0]["max_tokens"] == 1
    assert asked[0]["messages"][0]["content"] == "the"


def test_an_error_is_no_response() -> None:
    with _server({COMPLETION: (500, "")}, []) as url:
        assert not responds(url, READY)
