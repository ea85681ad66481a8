"""llama.cpp in a pod, measured by the real genai-bench from a pod and by port-forward."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.airflow.kubernetes.conftest import ClusterSite

from airtune.records import TrialState

pytestmark = [pytest.mark.airflow, pytest.mark.kubernetes, pytest.mark.timeout(900)]

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "kubernetes_llamacpp.yaml"
WAYS = ("cli", "container")


@pytest.fixture(scope="module")
def real(cluster_site: ClusterSite) -> dict[str, dict[str, Any]]:
    """Finished runs of a small version of the example by way, each with its server's pod."""
    seen: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        task = yaml.safe_load(EXAMPLE.read_text())
        task |= {"task_name": f"kubernetes-real-{way}", "parameters": {"parallel": [2]}}
        task.pop("linked", None)
        task["model"]["namespace"] = cluster_site.namespace
        # Two trials at once: with the example's whole core each, their servers would leave no
        # room for their clients on a node of two cores.
        task["kubernetes"]["requests"]["cpu"] = "500m"
        task["kubernetes"]["client"]["requests"]["cpu"] = "250m"
        task["benchmark"] |= {
            "client": way,
            "traffic_scenarios": ["D(16,8)"],
            "num_concurrency": [2],
            "max_requests_per_iteration": 10,
        }
        # One after the other: two servers and two clients do not fit a node of two cores.
        cluster_site.api.trigger({"task": task}, way)
        inspect = partial(_inspect, cluster_site, way, seen)
        cluster_site.api.until(inspect, 500, f"the server of {way}")
        assert cluster_site.api.wait(way, timeout_s=600) == "success", way
    return seen


def _inspect(site: ClusterSite, run: str, seen: dict[str, dict[str, Any]]) -> bool:
    plan = site.api.task(run, "plan")
    if plan is not None and plan["state"] == "success":
        server = site.server(run, site.site.slot(run, parallel=2))
        seen |= {run: server} if server else {}
    return run in seen


@pytest.mark.parametrize("way", WAYS)
def test_every_configured_parameter_is_in_the_pods_arguments(
    cluster_site: ClusterSite, real: dict[str, Any], way: str
) -> None:
    (container,) = real[way]["spec"]["containers"]
    words = container["args"]
    assert words[words.index("--parallel") + 1] == "2"
    assert words[words.index("--ctx-size") + 1] == "2048"
    trial = cluster_site.site.trial(way, parallel=2)
    assert list(trial.argv)[-len(words) :] == words


@pytest.mark.parametrize("way", WAYS)
def test_the_verdict_rests_on_real_requests(
    cluster_site: ClusterSite, real: dict[str, Any], way: str
) -> None:
    trials = cluster_site.site.trials(way)
    assert len(trials) == 2
    for trial in trials:
        assert trial.state is TrialState.SUCCEEDED
        (point,) = trial.load_points
        assert point.completed >= 10
        assert point.output_tokens_mean == 8
        assert Path(str(point.raw_file)).exists()
        assert trial.identity["node"]
        assert "sha256:" in str(trial.identity["image_digest"])
    assert cluster_site.site.results(f"kubernetes-real-{way}")["verdict"]["best"] is not None


def test_both_ways_make_the_same_kind_of_measurement(
    cluster_site: ClusterSite, real: dict[str, Any]
) -> None:
    points = [cluster_site.site.trial(way, parallel=2).load_points[0] for way in WAYS]
    filled = [
        {name for name, value in point.model_dump().items() if value is not None}
        for point in points
    ]
    assert filled[0] == filled[1]
    assert points[0].input_tokens_mean == pytest.approx(points[1].input_tokens_mean, rel=0.1)


def test_a_client_on_the_servers_node_without_cores_of_its_own_is_told(
    cluster_site: ClusterSite, real: dict[str, Any]
) -> None:
    (point,) = cluster_site.site.trial("container", parallel=2).load_points
    assert "shared_host" in point.validity


@pytest.mark.parametrize("way", WAYS)
def test_logs_are_kept_and_nothing_is_left(
    cluster_site: ClusterSite, real: dict[str, Any], way: str
) -> None:
    for trial in cluster_site.site.trials(way):
        name = f"kubernetes-real-{way}-exp{trial.trial_id}"
        folder = cluster_site.site.settings.benchmark_dir / name
        assert (folder / "server.log").read_text()
        assert "kubectl" in (folder / "reproduce.sh").read_text()
    assert cluster_site.left_of(way) == []
