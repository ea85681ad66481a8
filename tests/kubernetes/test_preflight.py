"""Plan's questions to a real API server: what it refuses is told, and nothing is left there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtune.errors import Problem, TaskError
from airtune.launchers.kubernetes import dry_run
from airtune.launchers.kubernetes.api import ClusterApi
from airtune.launchers.kubernetes.by_hand import manifests_by_hand
from airtune.launchers.kubernetes.endpoint import Endpoints
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.pod_world import KubernetesWorld
from airtune.operators.preflight_kubernetes import check_cluster, resolve
from airtune.operators.preflight_objects import order_of
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.task import Task, load_task_data, read_task
from airtune.testing.kubernetes_control import wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.kubernetes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "var/tokenizers/SmolLM2-135M").mkdir(parents=True)
    return Settings.load({"AIRTUNE_HOME": str(tmp_path)})


def the_example(namespace: str, **changes: Any) -> Task:
    data = dict(load_task_data(EXAMPLES / "kubernetes_llamacpp.yaml"))
    model = data["model"] | {"namespace": namespace}
    return read_task(data | {"model": model} | changes)


def problems(task: Task, settings: Settings, api: ClusterApi) -> list[Problem]:
    try:
        check_cluster(task, make_plan(task, settings), settings, api)
    except TaskError as error:
        return list(error.problems)
    return []


def test_the_example_is_let_through_and_nothing_is_made(
    cluster_api: ClusterApi, own_namespace: str, settings: Settings
) -> None:
    task = the_example(own_namespace)
    assert resolve(task, cluster_api) == task
    assert problems(task, settings, cluster_api) == []
    for plural in ("pods", "services"):
        assert cluster_api.get(f"/api/v1/namespaces/{own_namespace}/{plural}")["items"] == []


def test_a_namespace_that_is_not_there_is_told(cluster_api: ClusterApi, settings: Settings) -> None:
    (problem,) = problems(the_example("no-such-namespace"), settings, cluster_api)
    assert (problem.path, problem.value) == ("model.namespace", "no-such-namespace")


def test_all_that_the_cluster_lacks_is_told_at_once(
    cluster_api: ClusterApi, own_namespace: str, settings: Settings
) -> None:
    pods = {
        "limits": {"cpu": "500"},
        "image_pull_secrets": ["registry"],
        "model_claim": {"claim": "models"},
        "client": {"node_selector": {"no": "such-node"}},
    }
    model = {"name": "tiny.gguf", "namespace": own_namespace}
    found = problems(
        the_example(own_namespace, kubernetes=pods, model=model), settings, cluster_api
    )
    assert [one.path for one in found] == [
        "kubernetes.model_claim.claim",
        "kubernetes.image_pull_secrets[0]",
        "kubernetes",
        "kubernetes.client",
    ]


def test_a_quota_that_can_never_hold_it_is_told(
    cluster_api: ClusterApi, own_namespace: str, settings: Settings
) -> None:
    where = f"/api/v1/namespaces/{own_namespace}/resourcequotas"
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small"},
        "spec": {"hard": {"requests.cpu": "500m"}},
    }
    cluster_api.post(where, quota)

    def counted() -> bool:
        return bool(cluster_api.get(f"{where}/small").get("status", {}).get("hard"))

    wait_until(counted, 30.0, "the quota's status")
    (problem,) = problems(the_example(own_namespace), settings, cluster_api)
    assert "small" in problem.reason
    assert "requests.cpu" in problem.reason


def test_a_policy_of_the_namespace_is_told(
    cluster_api: ClusterApi, namespace: Callable[..., str], settings: Settings
) -> None:
    strict = namespace("strict", {"pod-security.kubernetes.io/enforce": "baseline"})
    task = the_example(strict, model={"name": "tiny.gguf", "namespace": strict})
    (problem,) = problems(task, settings, cluster_api)
    assert "hostPath" in problem.reason


def test_stored_objects_can_be_created_again_by_hand(
    cluster_api: ClusterApi, own_namespace: str, settings: Settings
) -> None:
    task = the_example(own_namespace)
    order = order_of(task, make_plan(task, settings), settings)
    world = KubernetesWorld(settings)
    pod, service = world.objects(cluster_api, order)
    for one, plural in ((pod, "pods"), (service, "services")):
        cluster_api.post(f"/api/v1/namespaces/{own_namespace}/{plural}", one)
    handle = Handle.of(Endpoints(world, order).of(pod))
    again = manifests_by_hand(cluster_api, handle, "by-hand-x")
    assert dry_run.problems(cluster_api, again) == []
    assert again[0]["spec"]["containers"][0]["args"] == pod["spec"]["containers"][0]["args"]
