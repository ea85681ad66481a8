import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from airtune.stack.compose.health import component_status, main

REPORT = {"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}}


@pytest.fixture
def url() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/api/v2/monitor/health"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(REPORT).encode())

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_airflow_says_decides(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRTUNE_HEALTH_URL", url)
    assert main(["scheduler"]) == 0
    assert main(["triggerer"]) == 1


def test_a_component_that_airflow_does_not_report_is_not_healthy(url: str) -> None:
    assert "knows no component 'worker'" in component_status(url, "worker")


def test_a_proxy_of_the_environment_is_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert component_status(url, "scheduler") == "healthy"


def test_no_answer_is_not_healthy() -> None:
    assert "does not answer" in component_status("http://127.0.0.1:9", "scheduler")
