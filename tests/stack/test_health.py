import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from airtune.errors import ApiError
from airtune.stack.health import fetch_token, is_healthy

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Airflow(BaseHTTPRequestHandler):
    """Answers the health report and the login like an API server."""

    report: dict[str, object] = {}

    def do_GET(self) -> None:
        self._answer(200, self.report)

    def do_POST(self) -> None:
        login = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if login["password"] == "right":
            self._answer(201, {"access_token": "token"})
        else:
            self._answer(401, {"detail": "Invalid credentials"})

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Airflow) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def report(**changes: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {"metadatabase": {"status": "healthy"}}
    for name in ("scheduler", "dag_processor", "triggerer"):
        beat = (NOW + timedelta(seconds=1)).isoformat()
        found[name] = {"status": "healthy", f"latest_{name}_heartbeat": beat}
    return found | changes


def test_healthy_once_every_component_has_reported(url: str) -> None:
    Airflow.report = report()
    assert is_healthy(url, since=NOW)


@pytest.mark.parametrize("name", ["scheduler", "dag_processor", "triggerer"])
def test_a_heartbeat_of_an_earlier_process_does_not_count(url: str, name: str) -> None:
    old = (NOW - timedelta(seconds=1)).isoformat()
    Airflow.report = report(**{name: {"status": "healthy", f"latest_{name}_heartbeat": old}})
    assert not is_healthy(url, since=NOW)


@pytest.mark.parametrize(
    "status", [{}, {"status": None}, {"status": "unhealthy", "latest_triggerer_heartbeat": None}]
)
def test_a_component_that_never_reported_is_not_healthy(url: str, status) -> None:
    Airflow.report = report(triggerer=status)
    assert not is_healthy(url, since=NOW)


def test_a_server_that_is_not_there_is_not_healthy() -> None:
    assert not is_healthy("http://127.0.0.1:1", since=NOW)


def test_a_login_gives_a_token(url: str) -> None:
    assert fetch_token(url, "admin", "right") == "token"


def test_a_wrong_password_says_which_variables_to_check(url: str) -> None:
    with pytest.raises(ApiError, match="AIRTUNE_API_PASSWORD"):
        fetch_token(url, "admin", "wrong")


def test_an_unreachable_airflow_says_how_to_start_one() -> None:
    with pytest.raises(ApiError, match="make airflow"):
        fetch_token("http://127.0.0.1:1", "admin", "right")
