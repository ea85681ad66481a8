"""What a task beside a cluster has opened is closed when it ends, fails, is stopped or deferred."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import TaskDeferred

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import access
from airtune.launchers.kubernetes.launcher import ClusterLauncher
from airtune.operators.benchmark import Benchmark
from airtune.operators.benchmark_kubernetes import BenchmarkKubernetes
from airtune.operators.cluster_task import ClusterSlotTask
from airtune.operators.deploy import Deploy
from airtune.operators.deploy_kubernetes import DeployKubernetes, DeployOme
from airtune.operators.slot_task import Killed, SlotTask
from airtune.operators.teardown import Teardown
from airtune.operators.teardown_kubernetes import TeardownCluster
from airtune.records import Failure, FailureClass
from airtune.settings import Settings
from airtune.testing.fake_cluster import FakeCluster
from airtune.testing.fake_cluster_server import served, write_kubeconfig

TASKS: list[tuple[type[ClusterSlotTask], type[SlotTask], str]] = [
    (DeployKubernetes, Deploy, "kubernetes"),
    (DeployOme, Deploy, "ome"),
    (BenchmarkKubernetes, Benchmark, "kubernetes"),
    (TeardownCluster, Teardown, "kubernetes"),
]
FAILED = TrialFailed(Failure(failure_class=FailureClass.OOM, reason="x"))
DEFERRED = TaskDeferred(trigger=None, method_name="resume")


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Any]:
    with served(FakeCluster("tuning")) as url:
        more = {"AIRTUNE_KUBECONFIG": write_kubeconfig(tmp_path / "config", url)}
        settings = Settings.load({"AIRTUNE_HOME": str(tmp_path), **more})
        yield SimpleNamespace(settings=settings, run=SimpleNamespace(task={}))


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[ClusterLauncher]:
    found: list[ClusterLauncher] = []
    monkeypatch.setattr(ClusterLauncher, "close", lambda self: found.append(self))
    return found


def _opens(slot: Any, made: list[Any], end: BaseException | None) -> Any:
    def execute(self: Any, context: Any, **kwargs: Any) -> Any:
        made.append(self.launcher(slot))
        made[0].api.get("/api/v1/namespaces/tuning")
        if end:
            raise end
        return {"done": True}

    return execute


def _operator(task: type[ClusterSlotTask], world: str) -> ClusterSlotTask:
    return task(task_id="it", spec={"label": "x"}, world=world)


@pytest.mark.parametrize(("task", "base", "world"), TASKS)
@pytest.mark.parametrize("end", [None, FAILED, Killed("stopped"), DEFERRED], ids=type)
def test_connection_and_forwards_end_with_the_task(
    task: type[ClusterSlotTask],
    base: type[SlotTask],
    world: str,
    end: BaseException | None,
    slot: Any,
    closed: list[ClusterLauncher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[ClusterLauncher] = []
    monkeypatch.setattr(base, "execute", _opens(slot, made, end))
    operator = _operator(task, world)
    # As Airflow's task runner calls it.
    sentinel = {f"{task.__name__}__sentinel": ExecutorSafeguard.sentinel_value}
    if end is None:
        assert operator.execute({}, **sentinel) == {"done": True}  # type: ignore[call-arg]
    else:
        with pytest.raises(type(end)):
            operator.execute({}, **sentinel)  # type: ignore[call-arg]
    assert closed == made
    assert len(made[0].api.client.rest_client.pool_manager.pools) == 0


@pytest.mark.parametrize("method", ["resume", "resume_started"])
def test_it_is_the_same_after_a_deferral(
    method: str, slot: Any, closed: list[ClusterLauncher], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ClusterLauncher] = []
    monkeypatch.setattr(Deploy, method, _opens(slot, made, None))
    _operator(DeployKubernetes, "kubernetes").resume_execution(method, {}, {})
    assert closed == made


def test_the_cluster_of_a_connection_is_known_before_devices_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who waits takes devices back from dead owners, and looks into the cluster for that."""
    monkeypatch.setattr(access, "by_connection", None)
    monkeypatch.setattr(SlotTask, "enter", lambda self, context: access.by_connection)
    assert _operator(TeardownCluster, "ome").enter({}) is not None
