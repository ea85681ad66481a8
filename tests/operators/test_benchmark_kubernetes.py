"""The provider's operator around one call of the client in a pod."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.operator import ExecutorSafeguard
from kubernetes.client import ApiClient, ApiException
from tests.launchers.kubernetes.client_cluster import ClientCluster, a_call, a_client_cluster
from tests.launchers.kubernetes.client_orders import RUN

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.client_call import ClientCall
from airtune.launchers.kubernetes.client_pod import SIDE_CAR
from airtune.launchers.kubernetes.handle import Handle
from airtune.operators.benchmark_kubernetes import BenchmarkKubernetes
from airtune.operators.slot_task import Killed

Site = tuple[ClientCluster, Handle]


class Core:
    """The provider's client of the cluster in memory."""

    def __init__(self, cluster: ClientCluster) -> None:
        self.cluster = cluster
        self.api_client = ApiClient()

    def create_namespaced_pod(self, body: Any, namespace: str) -> Any:
        try:
            return self._pod(self.cluster.post(paths.pods(namespace), body))
        except ApiRefused as error:
            refused = ApiException(error.status, error.reason)
            refused.body = json.dumps({"reason": error.reason, "message": error.message})
            raise refused from error

    def read_namespaced_pod(self, name: str, namespace: str) -> Any:
        return self._pod(self.cluster.get(paths.pods(namespace, name)))

    def _pod(self, told: Any) -> Any:
        return SimpleNamespace(
            metadata=SimpleNamespace(name=told["metadata"]["name"], namespace="n"),
            spec=SimpleNamespace(containers=[]),
            status=SimpleNamespace(phase=told["status"]["phase"]),
        )


class OneCall(BenchmarkKubernetes):
    """Its ``execute`` makes one call through the provider, as a load point does."""

    given: ClientCall

    def execute(self, context: Any) -> Any:
        self._context = context
        self._through_provider(self.given)


@pytest.fixture
def site() -> Iterator[Site]:
    with a_client_cluster() as site:
        yield site


def _run(call: ClientCall, cluster: ClientCluster) -> OneCall:
    """As Airflow's task runner calls it: without the sentinel the operator refuses."""
    operator = OneCall(
        task_id="benchmark", spec={"label": "x"}, world="kubernetes", allow_nested_operators=False
    )
    operator.given = call
    core = Core(cluster)
    operator.client = core  # type: ignore[assignment]
    ti = SimpleNamespace(
        dag_id="autotune_kubernetes", task_id="benchmark", map_index=0, try_number=1,
        xcom_push=lambda **pushed: None,
    )  # fmt: skip
    context = {"ti": ti, "run_id": RUN, "dag": SimpleNamespace()}
    sentinel = {f"{type(operator).__name__}__sentinel": ExecutorSafeguard.sentinel_value}
    try:
        operator.execute(context, **sentinel)  # type: ignore[call-arg]
    finally:
        core.api_client.close()
    return operator


def _made(cluster: ClientCluster) -> dict[str, Any]:
    (made,) = [body for method, path, body in cluster.calls if method == "POST"]
    return made


def test_a_load_point_goes_through_the_providers_path_with_its_side_car(
    site: Site, tmp_path: Path
) -> None:
    cluster, server = site
    cluster.files = {"a.json": b"{}"}
    call = a_call(cluster, server, tmp_path, helper_image="registry/tar:1")
    cluster.later = lambda: cluster.ended(0)
    _run(call, cluster)
    assert call.end
    assert call.end.why == "ended"
    assert (tmp_path / "a.json").exists()
    pod = _made(cluster)
    assert pod["metadata"]["name"] == call.order.name
    assert pod["metadata"]["labels"].items() >= call.manifest["metadata"]["labels"].items()
    assert pod["metadata"]["labels"]["kubernetes_pod_operator"] == "True"
    client, side_car = pod["spec"]["containers"]
    assert client["command"] == list(call.order.argv)
    assert client["image"] == call.order.image
    assert (side_car["name"], side_car["image"]) == (SIDE_CAR, "registry/tar:1")
    volumes = {one["name"] for one in pod["spec"]["volumes"]}
    mounts = [
        mount["name"]
        for container in (*pod["spec"]["initContainers"], client, side_car)
        for mount in container["volumeMounts"]
    ]
    assert set(mounts) == volumes == {"given", "xcom"}
    assert cluster.all("pods") == [cluster.get(paths.pods("n", server.name))]


def test_the_next_load_point_gets_a_pod_of_the_same_name(site: Site, tmp_path: Path) -> None:
    cluster, server = site
    for number in range(2):
        cluster.files, cluster.printed = {f"{number}.json": b"{}"}, [b"finished"]
        there = tmp_path / f"{number}.json"
        call = a_call(cluster, server, tmp_path, complete=there.exists)
        _run(call, cluster)
        assert call.end
        assert call.end.why == "complete"
        cluster.calls.clear()


def test_a_killed_task_leaves_no_pod(site: Site, tmp_path: Path) -> None:
    cluster, server = site

    def kill() -> bool:
        raise Killed("the task was stopped")

    call = a_call(cluster, server, tmp_path, should_stop=kill)
    with pytest.raises(Killed):
        _run(call, cluster)
    assert len(cluster.all("pods")) == 1, "the server's"


def test_a_refused_pod_is_the_api_servers_word_not_the_providers(
    site: Site, tmp_path: Path
) -> None:
    cluster, server = site
    cluster.forbidden = {("create", "pods")}
    with pytest.raises(ApiRefused, match="cannot create resource") as caught:
        _run(a_call(cluster, server, tmp_path), cluster)
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")


def test_a_client_that_fails_is_judged_by_airtune_not_by_the_provider(
    site: Site, tmp_path: Path
) -> None:
    cluster, server = site
    call = a_call(cluster, server, tmp_path)
    cluster.later = lambda: cluster.ended(1)
    _run(call, cluster)
    assert call.end
    assert (call.end.why, call.end.exit_code) == ("ended", 1)
