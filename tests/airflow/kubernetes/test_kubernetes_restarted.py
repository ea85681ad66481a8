"""The API server restarted under runs that wait and measure, in a cluster of the tests' own."""

import pytest
from tests.airflow.kubernetes.conftest import ClusterSite, cluster_task

from airtune.records import TrialState
from airtune.testing.kubernetes_disposable import Disposable

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.kubernetes,
    pytest.mark.disposable,
    pytest.mark.timeout(900),
]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}
SLOW_START = {"when": {"random-seed": 2}, "start_s": 20.0}
RUNS = ("kr-waiting", "kr-measured")


@pytest.fixture(scope="module")
def restarted(cluster_site: ClusterSite) -> ClusterSite:
    """A run that waits for a slow server, and one that is measured through a port-forward."""
    space = cluster_site.namespace
    tasks = {
        "kr-waiting": cluster_task(
            "kr-waiting", space, parameters={"random_seed": [1, 2]}, rules=[BEST, SLOW_START]
        ),
        "kr-measured": cluster_task(
            "kr-measured",
            space,
            replay=False,
            parameters={"random_seed": [1]},
            rules=[{"ttft_ms": 200, "tpot_ms": 40}],
        ),
    }
    for run, task in tasks.items():
        cluster_site.api.trigger({"task": task}, run)
    cluster_site.api.until(lambda: _waits_and_measures(cluster_site), 400, "both to be under way")
    Disposable.of_environment().restart("kube-apiserver")
    for run in RUNS:
        cluster_site.api.wait(run, timeout_s=600)
    return cluster_site


def _waits_and_measures(site: ClusterSite) -> bool:
    measured = any(site.site.record("kr-measured", slot, "client") for slot in range(2))
    return measured and len(site.pods("kr-waiting", role="server")) >= 2


@pytest.mark.parametrize("run", RUNS)
def test_a_restart_of_the_api_server_costs_no_trial(restarted: ClusterSite, run: str) -> None:
    trials = restarted.site.trials(run)
    assert trials
    assert {trial.state for trial in trials} == {TrialState.SUCCEEDED}, [t.failure for t in trials]


@pytest.mark.parametrize("run", RUNS)
def test_after_a_restart_of_the_api_server_nothing_is_left(
    restarted: ClusterSite, run: str
) -> None:
    assert restarted.left_of(run) == []
