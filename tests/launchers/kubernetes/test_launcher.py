"""A slot's server in a cluster: started once, adopted, fenced, complete, and gone afterwards."""

import math
import time

import pytest
from tests.launchers.docker.orders import server
from tests.launchers.kubernetes.cluster_orders import (
    NAMESPACE,
    cluster_order,
    ended,
    pod_path,
    run_pods,
)

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import names, paths
from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.stamps import stamp
from airtune.launchers.launcher import StillStarting
from airtune.records import FailureClass

QUOTA = (
    'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods={used}, '
    "limited: pods={limit}"
)


def _failure(launcher, order, patience_s=5.0, **more):
    with pytest.raises(TrialFailed) as error:
        launcher.ensure(order, patience_s, **more)
    return error.value.failure


def _posts(cluster, plural="pods"):
    return [path for method, path, _ in cluster.calls if method == "POST" and plural in path]


def _label(cluster, key):
    (pod,) = cluster.all("pods")
    return pod["metadata"]["labels"][key]


def test_a_started_server_answers_under_its_services_name(launcher, cluster, tmp_path):
    endpoint = launcher.ensure(cluster_order(tmp_path), 5.0)
    name = names.object_name("ours", "dag/run", 0, "server")
    assert endpoint.base_url == f"http://{name}.{NAMESPACE}.svc:8000"
    assert endpoint.trial_id == 7
    handle = Handle.of(endpoint)
    (pod,), (service,) = cluster.all("pods"), cluster.all("services")
    assert handle.uid == pod["metadata"]["uid"]
    assert service["metadata"]["ownerReferences"][0]["uid"] == handle.uid
    assert launcher.argv(endpoint)[:3] == ("python3", "-m", "sglang.launch_server")
    assert launcher.died(endpoint) is None
    assert launcher.responds(endpoint)
    assert time.time() - launcher.started_at(endpoint) < 5


def test_removing_leaves_nothing_and_touches_nothing_foreign(launcher, cluster, tmp_path):
    foreign = {"metadata": {"name": "foreign", "labels": {"app": "airtune"}}, "spec": {}}
    cluster.add(f"/api/v1/namespaces/{NAMESPACE}/pods", foreign)
    order = cluster_order(tmp_path)
    endpoint = launcher.ensure(order, 5.0)
    cluster.logs[NAMESPACE, Handle.of(endpoint).name, "server"] = "it was here\n"
    assert launcher.remove("dag/run", 0, 1) == 1
    assert [one["metadata"]["name"] for one in cluster.all("pods")] == ["foreign"]
    assert cluster.all("services") == []
    assert order.log.read_text() == "it was here\n"
    assert launcher.remove("dag/run", 0, 1) == 0
    failure = launcher.died(endpoint)
    assert failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_later_attempt_adopts_and_the_older_one_can_no_longer_remove(launcher, cluster, tmp_path):
    first = launcher.ensure(cluster_order(tmp_path), 5.0)
    second = launcher.ensure(cluster_order(tmp_path, attempt=2), 5.0)
    assert Handle.of(second).uid == Handle.of(first).uid
    assert _label(cluster, names.ATTEMPT) == "2"
    assert launcher.remove("dag/run", 0, 1) == 0
    assert launcher.died(second) is None
    assert launcher.remove("dag/run", 0, 2) == 1


def test_the_service_of_an_adopted_pod_is_the_adopters_too(launcher, cluster, tmp_path):
    launcher.ensure(cluster_order(tmp_path), 5.0)
    launcher.ensure(cluster_order(tmp_path, attempt=2), 5.0)
    launcher.remove("dag/run", 0, 1)
    assert len(cluster.all("services")) == 1
    launcher.remove("dag/run", 0, 2)
    assert cluster.all("services") == []


@pytest.mark.parametrize("at", [1, 2])
def test_a_server_that_is_adopted_while_an_older_attempt_removes_it_stays(
    launcher, launchers, cluster, tmp_path, at
):
    """Adopted while its log is saved, or just before it is deleted."""
    endpoint = launcher.ensure(cluster_order(tmp_path), 5.0)
    pod, seen = pod_path(cluster), []

    def adopt_meanwhile(method, path, body):
        logs = method == "GET" and path == f"{pod}/log"
        if logs or (method == "DELETE" and path == pod):
            seen.append(method)
            if len(seen) == at:
                cluster.refuse = lambda method, path, body: None
                launchers().ensure(cluster_order(tmp_path, attempt=2), 5.0)

    cluster.refuse = adopt_meanwhile
    launcher.remove("dag/run", 0, 1)
    assert len(seen) == at
    assert launcher.died(endpoint) is None
    assert len(cluster.all("services")) == 1


def test_a_server_that_is_gone_before_it_is_adopted_is_started_anew(launcher, cluster, tmp_path):
    first = launcher.ensure(cluster_order(tmp_path), 5.0)
    pod = pod_path(cluster)

    def end(method, path, body):
        if method == "PATCH":
            cluster.end(pod)

    cluster.refuse = end
    second = launcher.ensure(cluster_order(tmp_path, attempt=2), 5.0)
    assert Handle.of(second).uid != Handle.of(first).uid
    assert launcher.died(second) is None


def test_a_server_that_is_being_removed_while_it_is_adopted_is_started_anew(
    launcher, cluster, tmp_path
):
    first = launcher.ensure(cluster_order(tmp_path), 5.0)
    pod = pod_path(cluster)

    def begin_to_end(method, path, body):
        if method == "PATCH" and not cluster.lingers:
            cluster.lingers = True
            cluster.delete(pod)
        if method == "DELETE":
            cluster.lingers = False

    cluster.refuse = begin_to_end
    second = launcher.ensure(cluster_order(tmp_path, attempt=2), 5.0)
    assert Handle.of(second).uid != Handle.of(first).uid


def test_another_configuration_is_never_adopted(launcher, cluster, tmp_path):
    first = launcher.ensure(cluster_order(tmp_path), 5.0)
    second = launcher.ensure(cluster_order(tmp_path, attempt=2, server=server("--more")), 5.0)
    assert Handle.of(second).uid != Handle.of(first).uid
    assert len(cluster.all("pods")) == 1


def test_an_adopted_pod_gets_the_service_that_it_lacks(launcher, cluster, tmp_path):
    first = launcher.ensure(cluster_order(tmp_path), 5.0)
    (service,) = cluster.all("services")
    cluster.end(paths.services(NAMESPACE, service["metadata"]["name"]))
    launcher.ensure(cluster_order(tmp_path, attempt=2), 5.0)
    (service,) = cluster.all("services")
    assert service["metadata"]["ownerReferences"][0]["uid"] == Handle.of(first).uid


def test_a_service_of_an_older_pod_is_replaced(launcher, cluster, tmp_path):
    launcher.ensure(cluster_order(tmp_path), 5.0)
    (service,) = cluster.all("services")
    path = paths.services(NAMESPACE, service["metadata"]["name"])
    cluster.patch(path, {"metadata": {"ownerReferences": [{"uid": "older", "kind": "Pod"}]}})
    second = launcher.ensure(cluster_order(tmp_path, attempt=2), 5.0)
    (service,) = cluster.all("services")
    assert service["metadata"]["ownerReferences"][0]["uid"] == Handle.of(second).uid


def test_a_server_that_has_ended_is_replaced_and_its_log_kept(launcher, cluster, tmp_path):
    order = cluster_order(tmp_path)
    first = launcher.ensure(order, 5.0)
    (pod,) = cluster.all("pods")
    cluster.logs[NAMESPACE, pod["metadata"]["name"], "server"] = "it broke\n"
    cluster.change(pod_path(cluster), status=ended(pod))
    second = launcher.ensure(cluster_order(tmp_path, attempt=2), 5.0)
    assert Handle.of(second).uid != Handle.of(first).uid
    assert order.log.with_name("server-before-2.log").read_text() == "it broke\n"


def test_the_expected_server_is_not_started_a_second_time(launcher, cluster, tmp_path):
    order = cluster_order(tmp_path)
    endpoint = launcher.ensure(order, 5.0)
    (pod,) = cluster.all("pods")
    cluster.change(pod_path(cluster), status=ended(pod))
    failure = _failure(launcher, order, expected=endpoint)
    assert failure.failure_class is FailureClass.STARTUP_CRASH
    assert len(_posts(cluster)) == 1


def test_a_creation_whose_answer_was_lost_is_taken_for_done(launcher, cluster, tmp_path):
    """The API server has created it, the answer did not come, and the client asked again."""
    twice = []

    def lose(made):
        run_pods(made)
        if made["kind"] == "Pod" and not twice:
            twice.append(made["metadata"]["name"])
            cluster.add(f"/api/v1/namespaces/{NAMESPACE}/pods", made)
            raise ApiRefused(409, "AlreadyExists", "already exists")

    cluster.on_create = lose
    launcher.ensure(cluster_order(tmp_path), 5.0)
    assert len(cluster.all("pods")) == 1
    assert len(cluster.all("services")) == 1


@pytest.mark.parametrize("kind", ["Pod", "Service"])
def test_a_foreign_object_of_that_name_stays_and_is_told(launcher, cluster, tmp_path, kind):
    name = names.object_name("ours", "dag/run", 0, "server")
    path = paths.path_of("v1", kind, NAMESPACE)
    cluster.add(path, {"metadata": {"name": name}, "spec": {}})
    failure = _failure(launcher, cluster_order(tmp_path))
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert f"A {kind} named {name}" in failure.reason
    left = [*cluster.all("pods"), *cluster.all("services")]
    assert [one["kind"] for one in left] == [kind]


def test_a_newer_attempts_server_is_not_touched(launcher, cluster, tmp_path):
    endpoint = launcher.ensure(cluster_order(tmp_path, attempt=3), 5.0)
    failure = _failure(launcher, cluster_order(tmp_path, attempt=2))
    assert failure.failure_class is FailureClass.CANCELLED
    assert launcher.died(endpoint) is None


def test_an_attempt_that_is_over_starts_nothing(launcher, cluster, tmp_path):
    order = cluster_order(tmp_path, is_current=lambda: False)
    assert _failure(launcher, order).failure_class is FailureClass.CANCELLED
    assert _posts(cluster) == []


def test_an_attempt_that_is_fenced_off_meanwhile_removes_what_it_has_made(
    launcher, cluster, tmp_path
):
    answers = iter([True, False])
    order = cluster_order(tmp_path, is_current=lambda: next(answers))
    assert _failure(launcher, order).failure_class is FailureClass.CANCELLED
    assert cluster.all("pods") == []


def test_a_pod_whose_service_is_refused_does_not_stay(launcher, cluster, tmp_path):
    cluster.forbidden.add(("create", "services"))
    failure = _failure(launcher, cluster_order(tmp_path))
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert 'resources: ["services"], verbs: ["create"]' in failure.reason
    assert cluster.all("pods") == []


def test_clients_of_earlier_attempts_end_when_a_server_is_adopted(launcher, cluster, tmp_path):
    launcher.ensure(cluster_order(tmp_path), 5.0)
    labels = names.labels_of("ours", "dag/run", 0, 1, "client")
    pod = {"metadata": {"name": "client", "labels": labels}, "spec": {"containers": []}}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    cluster.add(path, pod)
    cluster.add(path, pod | {"metadata": {"name": "own", "labels": labels | {names.ATTEMPT: "2"}}})
    launcher.ensure(cluster_order(tmp_path, attempt=2), 5.0)
    left = {one["metadata"]["name"] for one in cluster.all("pods")}
    assert left == {"own", names.object_name("ours", "dag/run", 0, "server")}


def test_a_log_outside_of_the_benchmark_folder_is_not_written(launcher, cluster, tmp_path):
    """Whoever may edit pods could name any file of the worker."""
    launcher.ensure(cluster_order(tmp_path), 5.0)
    (pod,) = cluster.all("pods")
    cluster.logs[NAMESPACE, pod["metadata"]["name"], "server"] = "evil"
    target = tmp_path / "cron"
    cluster.patch(pod_path(cluster), {"metadata": {"annotations": {names.LOG: str(target)}}})
    launcher.remove("dag/run", 0, 1)
    assert not target.exists()


def test_a_template_that_cannot_be_used_is_the_configurations_fault(launcher, tmp_path):
    order = cluster_order(tmp_path)
    options = order.kubernetes.model_copy(update={"template": "nix.j2"})
    failure = _failure(launcher, cluster_order(tmp_path, kubernetes=options))
    assert failure.failure_class is FailureClass.INVALID_CONFIG
    assert "nix.j2" in failure.reason


def test_a_full_quota_is_waited_for_in_the_worker(launcher, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("airtune.launchers.kubernetes.room._POLL_S", 0.05)
    full = [QUOTA.format(used=1, limit=1)]
    cluster.refuse = lambda method, path, body: (
        ApiRefused(403, "Forbidden", full.pop())
        if method == "POST" and path.endswith("/pods") and full
        else None
    )
    said = []
    launcher.ensure(cluster_order(tmp_path, say=said.append), 5.0)
    assert any("quota small" in text for text in said)
    assert len(cluster.all("pods")) == 1


def test_waiting_for_room_that_does_not_come_is_not_the_trials(launcher, cluster, tmp_path):
    cluster.refuse = lambda method, path, body: (
        ApiRefused(403, "Forbidden", QUOTA.format(used=1, limit=1))
        if method == "POST" and path.endswith("/pods")
        else None
    )
    with pytest.raises(TrialFailed) as error:
        launcher.ensure(cluster_order(tmp_path, capacity_limit_s=-1.0), 5.0)
    assert error.value.started_at == math.inf


def test_a_start_that_fails_is_charged_from_the_containers_start(launcher, cluster, tmp_path):
    cluster.on_create = lambda made: (
        made.update(status=ended(made, at=stamp(time.time() - 60)))
        if made["kind"] == "Pod"
        else None
    )
    with pytest.raises(TrialFailed) as error:
        launcher.ensure(cluster_order(tmp_path), 5.0)
    assert error.value.failure.failure_class is FailureClass.STARTUP_CRASH
    assert error.value.started_at == pytest.approx(time.time() - 60, abs=3)


def test_a_full_quota_is_waited_for_beyond_one_process(launcher, cluster, tmp_path):
    cluster.refuse = lambda method, path, body: (
        ApiRefused(403, "Forbidden", QUOTA.format(used=1, limit=1))
        if method == "POST" and path.endswith("/pods")
        else None
    )
    quota = {"metadata": {"name": "small"}, "status": {"hard": {"pods": "1"}}}
    quota["status"]["used"] = {"pods": "1"}
    path = f"/api/v1/namespaces/{NAMESPACE}/resourcequotas"
    cluster.add(path, quota)
    order = cluster_order(tmp_path)
    with pytest.raises(StillStarting) as still:
        launcher.ensure(order, 0.0)
    endpoint = still.value.endpoint
    assert still.value.deadline == pytest.approx(time.time() + order.capacity_limit_s, abs=2)
    assert launcher.started_at(endpoint) == math.inf
    assert "quota small" in launcher.poll(endpoint, order.readiness, 1.0).reason
    cluster.change(f"{path}/small", status={"hard": {"pods": "1"}, "used": {"pods": "0"}})
    assert launcher.poll(endpoint, order.readiness, 1.0) is None
    cluster.refuse = lambda method, path, body: None
    assert Handle.of(launcher.ensure(order, 5.0, expected=endpoint)).uid


@pytest.mark.parametrize(
    ("limit", "capacity_s", "failure_class"),
    [(0, 5.0, FailureClass.INVALID_CONFIG), (1, -1.0, FailureClass.INFRASTRUCTURE)],
)
def test_a_quota_without_room_for_ever_or_for_too_long_fails(
    launcher, cluster, tmp_path, limit, capacity_s, failure_class
):
    cluster.refuse = lambda method, path, body: (
        ApiRefused(403, "Forbidden", QUOTA.format(used=limit, limit=limit))
        if method == "POST" and path.endswith("/pods")
        else None
    )
    failure = _failure(launcher, cluster_order(tmp_path, capacity_limit_s=capacity_s))
    assert failure.failure_class is failure_class
    assert "small" in failure.reason


def test_identity_tells_node_product_digest_and_version(launcher, cluster, tmp_path):
    labels = {"nvidia.com/gpu.product": "H100"}
    cluster.add("/api/v1/nodes", {"metadata": {"name": "node1", "labels": labels}})
    found = launcher.identity(launcher.ensure(cluster_order(tmp_path), 5.0))
    assert found["host"] == "node1"
    assert found["gpu_product"] == "H100"
    assert found["image_digest"] == "sha256:abc"
    assert found["kubernetes_version"] == "v1.34.4"


def test_identity_says_what_it_may_not_know(launcher, cluster, tmp_path):
    cluster.forbidden.add(("get", "nodes"))
    found = launcher.identity(launcher.ensure(cluster_order(tmp_path), 5.0))
    assert "gpu_product" not in found
    assert "node1" in found["not_known"]


def test_a_pod_that_will_not_go_is_told(launcher, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("airtune.launchers.kubernetes.remove._GONE_WITHIN_S", -5.0)
    launcher.ensure(cluster_order(tmp_path), 5.0)
    cluster.lingers = True
    with pytest.raises(TrialFailed, match="could not be removed") as error:
        launcher.remove("dag/run", 0, 1)
    assert error.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_slot_is_found_in_any_namespace_where_none_is_named(launchers, cluster, tmp_path):
    launchers().ensure(cluster_order(tmp_path), 5.0)
    assert launchers(namespace="").remove("dag/run", 0, 1) == 1
    assert cluster.all("pods") == []


def test_a_start_is_told_on_this_hosts_clock(launcher, cluster, tmp_path, monkeypatch):
    endpoint = launcher.ensure(cluster_order(tmp_path), 5.0)
    monkeypatch.setattr("airtune.launchers.kubernetes.launcher.ahead_s", lambda api: 600.0)
    assert launcher.started_at(endpoint) == pytest.approx(time.time() - 600, abs=5)
