"""Runs in a cluster that people and accidents disturb: nothing is left, the others go on."""

import os
import signal
import threading
from typing import Any

import pytest
from tests.airflow.kubernetes.conftest import ClusterSite, cluster_task

from airtune.records import FailureClass, TrialState

pytestmark = [pytest.mark.airflow, pytest.mark.kubernetes, pytest.mark.timeout(900)]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}
LONG = {"when": {"random-seed": 2}, "seconds": 25.0}
SLOW_START = {"when": {"random-seed": 2}, "start_s": 8.0}
VERY_SLOW_START = {"when": {"random-seed": 2}, "start_s": 45.0}


@pytest.fixture(scope="module")
def runs(cluster_site: ClusterSite) -> ClusterSite:
    """Every case as a run of its own, all at once; each is disturbed on its way."""
    cases: dict[str, dict[str, Any]] = {
        "kd-marked": LONG,
        "kd-failed": LONG,
        "kd-pod-deleted": LONG,
        "kd-benchmark-killed": LONG,
        "kd-deploy-killed": SLOW_START,
        "kd-deferred": VERY_SLOW_START,
    }
    for run, rule in cases.items():
        task = cluster_task(
            run,
            cluster_site.namespace,
            parameters={"random_seed": [1, 2]},
            rules=[BEST, rule],
        )
        cluster_site.api.trigger({"task": task}, run)
    for disturb in (_mark, _fail, _delete_pod, _kill_benchmark, _kill_deploy):
        threading.Thread(target=disturb, args=(cluster_site,), daemon=True).start()
    return cluster_site


def _running(site: ClusterSite, run: str, task: str) -> dict[str, Any]:
    """The task of the bad slot, once it runs and its server does."""

    def found() -> dict[str, Any] | None:
        for one in site.api.tasks(run):
            if one["rendered_map_index"] != "random_seed=2" or one["task_id"] != f"slot.{task}":
                continue
            if one["state"] == "running" and site.server(run, one["map_index"]):
                return dict(one)
        return None

    task_now: dict[str, Any] = site.api.until(found, 700, f"{task} of {run} to run")
    return task_now


def _measured(site: ClusterSite, run: str) -> dict[str, Any]:
    """The benchmark of the bad slot, once its client runs."""
    one = _running(site, run, "benchmark")
    site.api.until(
        lambda: site.site.record(run, one["map_index"], "client"), 200, f"the client of {run}"
    )
    return one


def _mark(site: ClusterSite) -> None:
    one = _running(site, "kd-marked", "benchmark")
    site.api.mark_task("kd-marked", "slot.benchmark", one["map_index"], "failed")


def _fail(site: ClusterSite) -> None:
    _running(site, "kd-failed", "benchmark")
    site.api.mark_run("kd-failed", "failed")


def _delete_pod(site: ClusterSite) -> None:
    one = _measured(site, "kd-pod-deleted")
    pod = site.server("kd-pod-deleted", one["map_index"])
    if pod:
        site.admin.delete(site.path("pods", pod["metadata"]["name"]), gracePeriodSeconds="1")


def _kill_benchmark(site: ClusterSite) -> None:
    os.kill(_measured(site, "kd-benchmark-killed")["pid"], signal.SIGKILL)


def _kill_deploy(site: ClusterSite) -> None:
    os.kill(_running(site, "kd-deploy-killed", "deploy")["pid"], signal.SIGKILL)


def _ended(runs: ClusterSite, run: str) -> Any:
    runs.api.wait(run, timeout_s=800)
    assert runs.left_of(run) == []
    return runs.site.trial(run, random_seed=2)


def test_a_benchmark_marked_failed_leaves_nothing(runs: ClusterSite) -> None:
    trial = _ended(runs, "kd-marked")
    assert trial.failure.failure_class is FailureClass.CANCELLED
    assert runs.api.result("kd-marked")["best"] == "random_seed=1"


def test_a_run_marked_failed_leaves_nothing(runs: ClusterSite) -> None:
    trial = _ended(runs, "kd-failed")
    assert trial.failure.failure_class is FailureClass.CANCELLED


def test_a_pod_that_somebody_deletes_costs_a_retry_and_no_trial(runs: ClusterSite) -> None:
    trial = _ended(runs, "kd-pod-deleted")
    assert trial.state is TrialState.SUCCEEDED, trial.failure
    slot = runs.site.slot("kd-pod-deleted", random_seed=2)
    assert runs.api.task("kd-pod-deleted", "slot.benchmark", slot)["try_number"] == 2
    assert "infrastructure" in runs.api.log("kd-pod-deleted", "slot.benchmark", slot, 1)


@pytest.mark.parametrize(
    ("run", "task"), [("kd-benchmark-killed", "benchmark"), ("kd-deploy-killed", "deploy")]
)
def test_the_retry_of_a_killed_task_adopts_the_pod(runs: ClusterSite, run: str, task: str) -> None:
    trial = _ended(runs, run)
    assert trial.state is TrialState.SUCCEEDED, trial.failure
    slot = runs.site.slot(run, random_seed=2)
    assert runs.api.task(run, f"slot.{task}", slot)["try_number"] == 2
    log = runs.site.settings.benchmark_dir / f"{run}-exp{trial.trial_id}" / "server.log"
    assert log.read_text().count("listens on port") == 1


def test_a_server_that_starts_slowly_is_waited_for_in_the_triggerer(runs: ClusterSite) -> None:
    trial = _ended(runs, "kd-deferred")
    assert trial.state is TrialState.SUCCEEDED, trial.failure
    assert 45 <= trial.seconds.start < 80
    slot = runs.site.slot("kd-deferred", random_seed=2)
    assert "deferred" in runs.api.log("kd-deferred", "slot.deploy", slot)
