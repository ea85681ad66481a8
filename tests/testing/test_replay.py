"""The replayed client."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.benchmark.samples import a_task

from airtune.benchmark.measurement import measurement_of
from airtune.benchmark.parse import find_result
from airtune.records import LoadPoint
from airtune.testing import replay


class Server(http.server.BaseHTTPRequestHandler):
    """Answers ``/fake/latency``; after ``answers`` of them it refuses."""

    answers = 1000

    def do_GET(self) -> None:
        """One request."""
        type(self).answers -= 1
        body = json.dumps({"ttft_ms": 30, "tpot_ms": 2, "seconds": 0.1}).encode()
        self.send_response(200 if self.path == "/fake/latency" and self.answers >= 0 else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def base_url() -> Iterator[str]:
    Server.answers = 1000
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _words(folder: Path, base_url: str, model: str = "replay-x", scenario: str = "") -> list[str]:
    return [
        *("--api-backend", "sglang", "--api-base", base_url, "--api-key", "k"),
        *("--api-model-name", model, "--task", "text-to-text", "--model-tokenizer", "t"),
        *("--max-time-per-run", "1", "--max-requests-per-run", "20"),
        *("--traffic-scenario", scenario or "D(20,11)", "--num-concurrency", "2"),
        *("--additional-request-params", "{}", "--experiment-base-dir", str(folder)),
        *("--experiment-folder-name", "raw", "--log-dir", str(folder)),
    ]


def test_it_writes_the_engines_figures_after_its_time(tmp_path: Path, base_url: str) -> None:
    started = time.monotonic()
    assert replay.main(_words(tmp_path, base_url)) == 0
    assert time.monotonic() - started > 0.1
    point = LoadPoint(scenario="D(20,11)", concurrency=2)
    raw = find_result(tmp_path / "raw", point)
    task = a_task(engine="sglang", traffic_scenarios=["D(20,11)"])
    measurement = measurement_of(raw, point, task, wall_s=1)
    assert measurement.scorable
    assert (measurement.completed, measurement.seconds) == (20, 0.1)
    assert measurement.ttft_ms
    assert measurement.ttft_ms.mean == pytest.approx(30)
    assert measurement.e2e_latency_ms
    assert measurement.e2e_latency_ms.p99 == pytest.approx(50)
    assert measurement.output_tokens_per_s == pytest.approx(2 * 11 / 0.05)


def test_it_writes_a_scorable_result_for_every_text_scenario(tmp_path: Path, base_url: str) -> None:
    for scenario in ("N(40,8)/(30,4)", "U(20,40)/(8,16)"):
        assert replay.main(_words(tmp_path, base_url, scenario=scenario)) == 0
        point = LoadPoint(scenario=scenario, concurrency=2)
        raw = find_result(tmp_path / "raw", point)
        task = a_task(traffic_scenarios=[scenario])
        assert measurement_of(raw, point, task, wall_s=1).scorable


@pytest.mark.parametrize("answers", [0, 1])
def test_a_server_that_is_gone_leaves_no_result(
    tmp_path: Path, base_url: str, answers: int
) -> None:
    Server.answers = answers
    assert replay.main(_words(tmp_path, base_url)) == 1
    assert not list(tmp_path.rglob("*.json"))


def test_any_other_model_is_measured_by_the_real_client(tmp_path: Path) -> None:
    client = tmp_path / "genai-bench"
    client.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    client.chmod(0o755)
    words = _words(tmp_path, "http://127.0.0.1:1", model="fake-x")
    done = subprocess.run(
        [sys.executable, "-m", "airtune.testing.replay", *words],
        env={**os.environ, "AIRTUNE_BENCH_PYTHON": str(tmp_path / "python")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "|".join(["benchmark", *words, ""])
