"""Every way a trial can go wrong, under a real scheduler: right class, nothing left, right winner.

All cases are DAG runs of one Airflow that go on at the same time; the engine is the fake one.
Seed 1 is the best configuration, seed 2 the one that goes wrong.
"""

import os
import signal
import threading
import time
from typing import Any

import pytest

from airtune.processes.record import ProcessRecord
from airtune.records import FailureClass, TrialState
from airtune.testing.fake_task import fake_task

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}
LONG = {"seconds": 25.0}


def _case(name: str, replay: bool = True, **fault: Any) -> dict[str, Any]:
    changes = {key: fault.pop(key) for key in ("timeouts",) if key in fault}
    bad = {"when": {"random-seed": 2}, **fault}
    return fake_task(
        f"fault-{name}",
        parameters={"random_seed": [1, 2]},
        rules=[BEST, bad],
        replay=replay,
        **changes,
    )


@pytest.fixture(scope="module")
def cases(site: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every case by its name: a run that has been started; some are disturbed on their way."""
    once = tmp_path_factory.mktemp("once") / "died"
    slow, hang = {"timeouts": {"start_s": 6}}, {"timeouts": {"load_point_s": 40}}
    tasks = {
        "exits": _case("exits", exit_at_start=3),
        "oom": _case("oom", oom_log=True),
        "never-ready": _case("never-ready", never_ready=True, **slow),
        "marked": _case("marked", **LONG),
        "cleared": _case("cleared", **LONG),
        "failed-by-hand": _case("failed-by-hand", **LONG),
        "deploy-killed": _case("deploy-killed", start_s=6.0),
        "dies-once": _case("dies-once", False, die_after_requests=6, once_file=str(once)),
        "client-killed": _case("client-killed", False, tpot_ms=60),
        "hangs": _case("hangs", False, hang_after_requests=6, **hang),
        "rejects": _case("rejects", False, fail_every=4),
        "short": _case("short", False, short_answers=True),
    }
    runs = {name: site.api.trigger({"task": task}, name) for name, task in tasks.items()}
    disturbers = (_mark_benchmark, _clear_run, _fail_run, _kill_deploy, _kill_client)
    for disturb in disturbers:
        threading.Thread(target=disturb, args=(site,), daemon=True).start()
    return runs


def _when_task_runs(site: Any, run: str, task: str) -> dict[str, Any]:
    """Wait until ``task`` of the bad slot runs."""

    def running() -> dict[str, Any] | None:
        slots = [t for t in site.api.tasks(run) if t["rendered_map_index"] == "random_seed=2"]
        found = [t for t in slots if t["task_id"] == f"slot.{task}" and t["state"] == "running"]
        return found[0] if found else None

    found: dict[str, Any] = site.api.until(running, 600, f"{task} of {run} to run")
    return found


def _when_client_runs(site: Any, run: str) -> ProcessRecord:
    task = _when_task_runs(site, run, "benchmark")
    find = lambda: site.record(run, task["map_index"], "client")  # noqa: E731
    path = site.api.until(find, 60, f"the client of {run}")
    record = ProcessRecord.read(path)
    assert record is not None
    return record


def _mark_benchmark(site: Any) -> None:
    _when_client_runs(site, "marked")
    slot = site.slot("marked", random_seed=2)
    site.api.mark_task("marked", "slot.benchmark", slot, "failed")


def _clear_run(site: Any) -> None:
    _when_client_runs(site, "cleared")
    site.api.clear_run("cleared")


def _fail_run(site: Any) -> None:
    _when_client_runs(site, "failed-by-hand")
    site.api.mark_run("failed-by-hand", "failed")


def _kill_deploy(site: Any) -> None:
    task = _when_task_runs(site, "deploy-killed", "deploy")
    find = lambda: site.record("deploy-killed", task["map_index"], "server")  # noqa: E731
    site.api.until(find, 600, "the server to be started")
    task = _when_task_runs(site, "deploy-killed", "deploy")
    os.kill(task["pid"], signal.SIGKILL)


def _kill_client(site: Any) -> None:
    record = _when_client_runs(site, "client-killed")
    time.sleep(4)
    os.kill(record.pid, signal.SIGKILL)


def _winner_is_seed_1(site: Any, run: str) -> None:
    result = site.api.result(run)
    assert result["best"] == "random_seed=1"
    assert result["verdict"]["gain"]["pct"] > 20
    results = site.results(f"fault-{run}")
    assert results["winner"]["parameters"] == {"random_seed": 1}


def _ended(site: Any, run: str) -> Any:
    """The bad trial of a finished run that has left nothing."""
    site.api.wait(run, timeout_s=800)
    assert site.left_of(run) == []
    return site.trial(run, random_seed=2)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("exits", FailureClass.STARTUP_CRASH),
        ("oom", FailureClass.OOM),
        ("never-ready", FailureClass.STARTUP_TIMEOUT),
        ("marked", FailureClass.CANCELLED),
        ("hangs", FailureClass.UNHEALTHY),
        ("rejects", FailureClass.BENCHMARK_ERROR),
        ("short", FailureClass.BENCHMARK_ERROR),
    ],
)
def test_a_bad_trial_gets_its_class_and_the_best_of_the_others_wins(
    site: Any, cases: dict[str, str], case: str, expected: FailureClass
) -> None:
    trial = _ended(site, cases[case])
    assert trial.failure is not None
    assert trial.failure.failure_class is expected
    assert trial.state is expected.state
    assert trial.score is None
    _winner_is_seed_1(site, case)


def test_a_server_killed_while_measured_is_started_again_by_the_benchmarks_retry(
    site: Any, cases: dict[str, str]
) -> None:
    trial = _ended(site, cases["dies-once"])
    slot = site.slot("dies-once", random_seed=2)
    assert trial.state is TrialState.SUCCEEDED
    assert site.api.task("dies-once", "slot.benchmark", slot)["try_number"] == 2
    assert site.api.task("dies-once", "slot.deploy", slot)["try_number"] == 1
    assert "unhealthy" in site.api.log("dies-once", "slot.benchmark", slot, 1)
    _winner_is_seed_1(site, "dies-once")


def test_a_killed_client_is_started_again(site: Any, cases: dict[str, str]) -> None:
    trial = _ended(site, cases["client-killed"])
    slot = site.slot("client-killed", random_seed=2)
    assert trial.state is TrialState.SUCCEEDED
    assert site.api.task("client-killed", "slot.benchmark", slot)["try_number"] == 2
    _winner_is_seed_1(site, "client-killed")


def test_the_retry_of_a_killed_deploy_adopts_the_server_that_it_left(
    site: Any, cases: dict[str, str]
) -> None:
    trial = _ended(site, cases["deploy-killed"])
    slot = site.slot("deploy-killed", random_seed=2)
    assert trial.state is TrialState.SUCCEEDED
    assert site.api.task("deploy-killed", "slot.deploy", slot)["try_number"] == 2
    log = (site.settings.benchmark_dir / f"fault-deploy-killed-exp{trial.trial_id}").joinpath(
        "server.log"
    )
    assert log.read_text().count("listens on port") == 1
    _winner_is_seed_1(site, "deploy-killed")


def test_a_run_cleared_while_running_starts_over_and_keeps_its_devices_to_itself(
    site: Any, cases: dict[str, str]
) -> None:
    trial = _ended(site, cases["cleared"])
    assert site.api.run_state("cleared") == "success"
    assert trial.state is TrialState.SUCCEEDED
    ids = [t.trial_id for t in site.trials("cleared") if t.parameters == {"random_seed": 2}]
    assert trial.trial_id == max(ids)
    _winner_is_seed_1(site, "cleared")


def test_a_run_marked_failed_by_hand_leaves_nothing_and_the_next_run_names_the_winner(
    site: Any, cases: dict[str, str]
) -> None:
    trial = _ended(site, cases["failed-by-hand"])
    assert trial.failure is not None
    assert trial.failure.failure_class is FailureClass.CANCELLED
    known = site.trial("failed-by-hand", random_seed=1)
    assert known.state is TrialState.SUCCEEDED

    task = _case("failed-by-hand", **LONG)
    site.api.trigger({"task": task}, "failed-by-hand-2")
    assert site.api.wait("failed-by-hand-2") == "success"
    assert site.left_of("failed-by-hand-2") == []
    assert site.api.result("failed-by-hand-2")["best"] == "random_seed=1"
    assert site.api.result("failed-by-hand-2")["reused"] == 1
