"""llama.cpp with SmolLM2-135M, measured by the real genai-bench, under a real scheduler."""

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from airtune.processes.record import ProcessRecord
from airtune.records import TrialState

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.engine,
    pytest.mark.bench,
    pytest.mark.timeout(600),
]

RUN = "real"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "local_smollm2.json"
PARAMETERS = {"parallel": 2, "cache-type-k": "f32", "cache-type-v": "f32"}


@pytest.fixture(scope="module")
def real(site: Any) -> tuple[Any, list[str]]:
    """A finished run of a small version of the example, and the argv of a server of it."""
    task = json.loads(EXAMPLE.read_text())
    task |= {"task_name": "real", "parameters": {"parallel": [2]}}
    task["engine_args"] |= {"threads": 1}  # fake devices: nothing keeps the servers apart
    task["benchmark"] |= {
        "model_name": "real-smollm2",
        "traffic_scenarios": ["D(16,8)"],
        "num_concurrency": [2],
        "max_requests_per_iteration": 10,
    }
    site.api.trigger({"task": task}, RUN)
    argv = site.api.until(lambda: _argv_of_server(site), 400, "the server to run")
    assert site.api.wait(RUN, timeout_s=500) == "success"
    return site, argv


def _argv_of_server(site: Any) -> list[str] | None:
    """Command line of the very process that serves the searched configuration."""
    if site.api.task(RUN, "plan")["state"] != "success":
        return None
    slot = site.slot(RUN, **PARAMETERS)
    path = site.record(RUN, slot, "server")
    record = ProcessRecord.read(path) if path else None
    if record is None or not record.alive:
        return None
    words: list[str] = psutil.Process(record.pid).cmdline()
    return words if "--parallel" in words else None  # else it has not become the server yet


def test_every_configured_parameter_is_in_the_argv_of_the_running_server(
    real: tuple[Any, list[str]],
) -> None:
    site, argv = real
    for name, value in {**PARAMETERS, "ctx-size": 2048}.items():
        assert argv[argv.index(f"--{name}") + 1] == str(value)
    assert (
        list(site.trial(RUN, **PARAMETERS).argv) == argv[-len(site.trial(RUN, **PARAMETERS).argv) :]
    )


def test_the_verdict_rests_on_real_requests(real: tuple[Any, list[str]]) -> None:
    site, _ = real
    trials = site.trials(RUN)
    assert len(trials) == 3
    for trial in trials:
        assert trial.state is TrialState.SUCCEEDED
        (point,) = trial.load_points
        assert point.completed >= 10
        assert point.output_tokens_mean == 8
        assert point.raw_file is not None
        assert Path(point.raw_file).exists(), "each figure can be traced to a file"


def test_results_files_parse_and_name_what_was_measured(real: tuple[Any, list[str]]) -> None:
    site, _ = real
    results = site.results("real")
    assert results["verdict"]["baseline"] is not None
    assert {trial["state"] for trial in results["trials"]} == {"succeeded"}
    assert results["provenance"]["genai_bench"] == "0.0.5"
    assert len(results["provenance"]["model"]["sha256"]) == 64


def test_each_trial_has_its_logs_and_a_script_to_reproduce_it(real: tuple[Any, list[str]]) -> None:
    site, _ = real
    for trial in site.trials(RUN):
        folder = site.settings.benchmark_dir / f"real-exp{trial.trial_id}"
        assert (folder / "server.log").read_text()
        script = (folder / "reproduce.sh").read_text()
        assert "--api-model-name real-smollm2" in script
        assert "--ctx-size 2048" in script


def test_nothing_is_left(real: tuple[Any, list[str]]) -> None:
    site, _ = real
    assert site.left_of(RUN) == []
