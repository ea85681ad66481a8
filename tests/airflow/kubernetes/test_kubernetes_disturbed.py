"""Runs in a cluster that people and accidents disturb: nothing is left, the others go on."""

from typing import Any

import pytest
from tests.airflow.kubernetes.conftest import ClusterSite
from tests.airflow.kubernetes.disturbances import begin_disturbed

from airtune.records import FailureClass, TrialState

pytestmark = [pytest.mark.airflow, pytest.mark.kubernetes, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def runs(cluster_site: ClusterSite) -> ClusterSite:
    """Every case as a run of its own; each is disturbed on its way."""
    begin_disturbed(cluster_site)
    return cluster_site


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
