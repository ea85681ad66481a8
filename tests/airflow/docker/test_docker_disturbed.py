"""Runs in containers that people and accidents disturb: nothing is left, the others go on."""

import os
import signal
import threading
from typing import Any

import pytest
from tests.airflow.docker.conftest import DockerSite, docker_task

from airtune.launchers.docker.names import ATTEMPT, INSTALLATION, ROLE, RUN_ID
from airtune.records import FailureClass, TrialState

pytestmark = [pytest.mark.airflow, pytest.mark.docker, pytest.mark.timeout(900)]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}
LONG = {"when": {"random-seed": 2}, "seconds": 25.0}
SLOW_START = {"when": {"random-seed": 2}, "start_s": 8.0}
VERY_SLOW_START = {"when": {"random-seed": 2}, "start_s": 45.0}
HANGS = {"when": {"random-seed": 2}, "hang_after_requests": 4}


@pytest.fixture(scope="module")
def runs(docker_site: DockerSite, models: str) -> DockerSite:
    """Every case as a run of its own, all at once; each is disturbed on its way."""
    cases: dict[str, tuple[Any, dict[str, Any]]] = {
        "d-marked": (LONG, {}),
        "d-failed": (LONG, {}),
        "d-cleared": (LONG, {}),
        "d-benchmark-killed": (LONG, {}),
        "d-deploy-killed": (SLOW_START, {}),
        "d-deferred": (VERY_SLOW_START, {}),
        "d-deadline": (HANGS, {"timeouts": {"load_point_s": 40}, "replay": False}),
    }
    for run, (rule, changes) in cases.items():
        task = docker_task(
            run, models=models, parameters={"random_seed": [1, 2]}, rules=[BEST, rule], **changes
        )
        docker_site.api.trigger({"task": task}, run)
    for disturb in (_mark, _fail, _clear, _kill_benchmark, _kill_deploy):
        threading.Thread(target=disturb, args=(docker_site,), daemon=True).start()
    return docker_site


def _running(docker_site: DockerSite, run: str, task: str) -> dict[str, Any]:
    """The task of the bad slot, once it runs and its server does."""

    def found() -> dict[str, Any] | None:
        for one in docker_site.api.tasks(run):
            if one["rendered_map_index"] != "random_seed=2" or one["task_id"] != f"slot.{task}":
                continue
            if one["state"] == "running" and docker_site.server(run, one["map_index"]):
                return dict(one)
        return None

    task_now: dict[str, Any] = docker_site.api.until(found, 700, f"{task} of {run} to run")
    return task_now


def _mark(site: DockerSite) -> None:
    one = _running(site, "d-marked", "benchmark")
    site.api.mark_task("d-marked", "slot.benchmark", one["map_index"], "failed")


def _fail(site: DockerSite) -> None:
    _running(site, "d-failed", "benchmark")
    site.api.mark_run("d-failed", "failed")


def _clear(site: DockerSite) -> None:
    _running(site, "d-cleared", "benchmark")
    site.api.clear_run("d-cleared")


def _kill_benchmark(site: DockerSite) -> None:
    os.kill(_running(site, "d-benchmark-killed", "benchmark")["pid"], signal.SIGKILL)


def _kill_deploy(site: DockerSite) -> None:
    os.kill(_running(site, "d-deploy-killed", "deploy")["pid"], signal.SIGKILL)


def _ended(runs: DockerSite, run: str) -> Any:
    runs.api.wait(run, timeout_s=800)
    assert runs.left_of(run) == []
    return runs.site.trial(run, random_seed=2)


def test_a_benchmark_marked_failed_leaves_nothing(runs: DockerSite) -> None:
    trial = _ended(runs, "d-marked")
    assert trial.failure.failure_class is FailureClass.CANCELLED
    assert runs.api.result("d-marked")["best"] == "random_seed=1"


def test_a_run_marked_failed_leaves_nothing(runs: DockerSite) -> None:
    trial = _ended(runs, "d-failed")
    assert trial.failure.failure_class is FailureClass.CANCELLED


def test_a_run_cleared_while_running_starts_over_and_leaves_nothing(runs: DockerSite) -> None:
    trial = _ended(runs, "d-cleared")
    assert runs.api.run_state("d-cleared") == "success"
    assert trial.state is TrialState.SUCCEEDED
    ids = [t.trial_id for t in runs.site.trials("d-cleared") if t.parameters == {"random_seed": 2}]
    assert trial.trial_id == max(ids)


def test_the_retry_of_a_killed_benchmark_adopts_the_container(runs: DockerSite) -> None:
    trial = _ended(runs, "d-benchmark-killed")
    assert trial.state is TrialState.SUCCEEDED
    slot = runs.site.slot("d-benchmark-killed", random_seed=2)
    assert runs.api.task("d-benchmark-killed", "slot.benchmark", slot)["try_number"] == 2
    assert _starts(runs, "d-benchmark-killed", trial) == 1


def test_the_retry_of_a_killed_deploy_adopts_the_container(runs: DockerSite) -> None:
    trial = _ended(runs, "d-deploy-killed")
    assert trial.state is TrialState.SUCCEEDED
    slot = runs.site.slot("d-deploy-killed", random_seed=2)
    assert runs.api.task("d-deploy-killed", "slot.deploy", slot)["try_number"] == 2
    assert _starts(runs, "d-deploy-killed", trial) == 1


def test_a_server_that_starts_slowly_is_waited_for_in_the_triggerer(runs: DockerSite) -> None:
    trial = _ended(runs, "d-deferred")
    assert trial.state is TrialState.SUCCEEDED
    assert 45 <= trial.seconds.start < 80
    slot = runs.site.slot("d-deferred", random_seed=2)
    assert "deferred" in runs.api.log("d-deferred", "slot.deploy", slot)
    assert _starts(runs, "d-deferred", trial) == 1


def test_a_deadline_that_is_over_ends_server_and_client(runs: DockerSite) -> None:
    trial = _ended(runs, "d-deadline")
    assert trial.failure.failure_class in {
        FailureClass.BENCHMARK_TIMEOUT,
        FailureClass.UNHEALTHY,
    }
    assert runs.api.result("d-deadline")["best"] == "random_seed=1"


def _starts(runs: DockerSite, run: str, trial: Any) -> int:
    """How often the trial's server was started, by its log."""
    log = runs.site.settings.benchmark_dir / f"{run}-exp{trial.trial_id}" / "server.log"
    return log.read_text().count("listens on port")


def test_every_object_says_whose_it_is(docker_site: DockerSite, models: str) -> None:
    task = docker_task(
        "d-labels", models=models, parameters={"random_seed": [2]}, rules=[LONG | {"seconds": 8}]
    )
    docker_site.api.trigger({"task": task}, "d-labels")
    slot = docker_site.api.until(
        lambda: docker_site.containers("d-labels", role="server"), 300, "a server"
    )
    labels = slot[0]["Labels"]
    assert labels[INSTALLATION] == docker_site.site.settings.installation
    assert labels[RUN_ID] == "autotune_docker/d-labels"
    assert labels[ROLE] == "server"
    assert int(labels[ATTEMPT]) >= 1
    docker_site.api.wait("d-labels")
    assert docker_site.left_of("d-labels") == []
