"""All of Airflow killed while pods are measured; the API server restarted under a run."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.airflow.kubernetes.conftest import ClusterSite, cluster_task

from airtune.records import TrialState

pytestmark = [pytest.mark.airflow, pytest.mark.kubernetes, pytest.mark.timeout(900)]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}


@pytest.fixture(scope="module")
def crashed(
    make_cluster_site: Callable[..., ClusterSite],
) -> Iterator[tuple[ClusterSite, dict[int, Any], str]]:
    """A run that went on after kill -9 of everything; the trials it had before, and a server."""
    site = make_cluster_site(devices=2)
    task = cluster_task(
        "k-crash",
        site.namespace,
        parameters={"random_seed": [1, 2, 3]},
        rules=[{"seconds": 6.0}, BEST],
    )
    site.api.trigger({"task": task}, "k-crash")
    site.api.until(lambda: _finished(site) and _servers(site), 300, "a trial and another one")
    before = {trial.trial_id: trial for trial in _finished(site)}
    uid = _servers(site)[0]["metadata"]["uid"]
    site.site.stack.kill9()
    site.site.stack.start()
    site.site.stack.wait_for_dag("autotune_kubernetes")
    site.api.wait("k-crash", timeout_s=400)
    yield site, before, uid
    site.site.close()


def _finished(site: ClusterSite) -> list[Any]:
    return [trial for trial in site.site.trials("k-crash") if trial.state is TrialState.SUCCEEDED]


def _servers(site: ClusterSite) -> list[Any]:
    found = site.pods("k-crash", role="server")
    return [pod for pod in found if pod["status"].get("phase") == "Running"]


def test_after_kill_9_of_all_of_airflow_the_run_goes_on_to_its_verdict(
    crashed: tuple[ClusterSite, dict[int, Any], str],
) -> None:
    site, before, _ = crashed
    assert site.api.run_state("k-crash") == "success"
    assert site.api.result("k-crash")["best"] == "random_seed=1"
    after = {trial.trial_id: trial for trial in site.site.trials("k-crash")}
    assert len(after) == 4, "no trial has a second row"
    for trial_id, trial in before.items():
        assert after[trial_id].measured_at == trial.measured_at, "it is not measured again"


def test_after_kill_9_of_all_of_airflow_the_pod_is_adopted(
    crashed: tuple[ClusterSite, dict[int, Any], str],
) -> None:
    site, _, uid = crashed
    assert uid in {trial.identity.get("pod_uid") for trial in site.site.trials("k-crash")}


def test_after_kill_9_of_all_of_airflow_nothing_is_left(
    crashed: tuple[ClusterSite, dict[int, Any], str],
) -> None:
    assert crashed[0].left_of("k-crash") == []
