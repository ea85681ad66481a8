"""What slots have left in clusters: found by the store's runs, removed when their owner is dead."""

from collections.abc import Iterator

import pytest

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.api import ApiRefused
from airtune.settings import Settings
from airtune.study.cluster_places import ClusterAccess, namespaces
from airtune.study.orphans import reap_orphans
from airtune.study.removal import remove_slot
from airtune.testing.fake_cluster import FakeCluster
from airtune.testing.fake_cluster_paths import KINDS
from airtune.testing.fake_cluster_server import served, write_kubeconfig

TASK = {"model": {"name": "m", "namespace": "tuning"}}
PODS = "/api/v1/namespaces/{}/pods"


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster("tuning", "elsewhere", ome=True)


@pytest.fixture
def settings(cluster, tmp_path) -> Iterator[Settings]:
    with served(cluster) as url:
        more = {"AIRTUNE_KUBECONFIG": write_kubeconfig(tmp_path / "config", url)}
        yield Settings.load({"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_INSTALLATION": "ours", **more})


def _open(store, run="dag/run", launcher="kubernetes", task=TASK):
    store.open_run(run, f"study of {run}", "demo", launcher, task, [])
    return run


def _pod(cluster, run, slot=0, attempt=1, namespace="tuning", installation="ours"):
    metadata = {
        "name": names.object_name(installation, run, slot, "server"),
        "labels": names.labels_of(installation, run, slot, attempt, "server"),
        "annotations": names.annotations_of(installation, run),
    }
    cluster.add(PODS.format(namespace), {"metadata": metadata, "spec": {"containers": [{}]}})


def _answer(liveness):
    return lambda run, slot: liveness


def test_a_dead_slots_pod_is_removed_and_foreign_ones_stay(store, settings, cluster):
    _pod(cluster, _open(store))
    _pod(cluster, "dag/run", namespace="elsewhere")
    _pod(cluster, "dag/run", installation="theirs")
    (orphan,) = reap_orphans(store, settings, _answer("dead"))
    assert orphan.removed
    assert "dag/run slot 0" in orphan.what
    assert len(cluster.all("pods")) == 2
    assert reap_orphans(store, settings, _answer("dead")) == []


@pytest.mark.parametrize(("liveness", "told"), [("alive", 0), ("unknown", 1)])
def test_a_slot_that_lives_or_may_live_keeps_its_pod(store, settings, cluster, liveness, told):
    _pod(cluster, _open(store))
    found = reap_orphans(store, settings, _answer(liveness))
    assert [one.removed for one in found] == [False] * told
    assert len(cluster.all("pods")) == 1


def test_an_inference_service_goes_with_its_dead_slot(store, settings, cluster):
    run = _open(store, launcher="ome")
    metadata = {
        "name": names.object_name("ours", run, 0, "server"),
        "labels": names.labels_of("ours", run, 0, 1, "server"),
        "annotations": names.annotations_of("ours", run),
    }
    path = "/apis/ome.io/v1beta1/namespaces/tuning/inferenceservices"
    cluster.add(path, {"metadata": metadata, "spec": {}})
    (orphan,) = reap_orphans(store, settings, _answer("dead"))
    assert orphan.removed
    assert cluster.all("inferenceservices") == []


def test_what_a_cluster_no_longer_knows_is_not_left(store, settings, cluster):
    """The custom resources were removed, and all objects with them."""
    _pod(cluster, _open(store, launcher="ome"))
    cluster.kinds = KINDS
    (orphan,) = reap_orphans(store, settings, _answer("dead"))
    assert orphan.removed
    assert cluster.all("pods") == []


def test_a_cluster_is_asked_only_where_runs_have_used_it(store, settings, cluster):
    _pod(cluster, "dag/run")
    _open(store, launcher="local")
    assert reap_orphans(store, settings, _answer("dead")) == []
    assert cluster.calls == []


def test_a_cluster_that_has_gone_is_no_complaint_once_its_runs_have_ended(store, tmp_path):
    config = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    settings = Settings.load({"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_KUBECONFIGS": config})
    run = _open(store, task=TASK | {"kubernetes": {"kubeconfig": "/no/longer/allowed"}})
    (orphan,) = reap_orphans(store, settings, _answer("dead"))
    assert not orphan.removed
    assert "/no/longer/allowed" in orphan.reason
    store.finish_run(run, None)
    assert reap_orphans(store, settings, _answer("dead")) == []


def test_a_namespace_that_may_not_be_looked_at_hides_no_other(store, settings, cluster):
    gone = _open(store, "dag/old", task={"model": {"name": "m", "namespace": "elsewhere"}})
    _pod(cluster, _open(store))
    cluster.refuse = lambda method, path, body: (
        ApiRefused(403, "Forbidden", "no") if "/elsewhere/" in path else None
    )
    first, second = reap_orphans(store, settings, _answer("dead"))
    assert (first.removed, second.removed) == (False, True)
    assert "namespace elsewhere" in first.what
    store.finish_run(gone, None)
    assert reap_orphans(store, settings, _answer("dead")) == []


def test_each_cluster_is_known_by_its_kubeconfig_with_its_namespaces(store):
    _open(store, "a", "kubernetes")
    _open(store, "b", "kubernetes", {"model": {"namespace": "other"}})
    _open(store, "c", "ome", TASK | {"kubernetes": {"kubeconfig": "/lab"}})
    _open(store, "d", "docker")
    assert namespaces(store) == {
        ClusterAccess("kubernetes", ""): {"tuning", "other"},
        ClusterAccess("ome", "/lab"): {"tuning"},
    }
    store.finish_run("c", None)
    assert set(namespaces(store, unfinished=True)) == {ClusterAccess("kubernetes", "")}


def test_a_slots_pod_is_removed_where_its_run_has_put_it(store, settings, cluster):
    _pod(cluster, _open(store))
    remove_slot(store, settings, "dag/run", 0, 1)
    assert cluster.all("pods") == []


def test_a_pod_that_may_not_be_removed_is_told(store, settings, cluster):
    _pod(cluster, _open(store))
    cluster.forbidden.add(("delete", "pods"))
    with pytest.raises(TrialFailed, match="may not delete pods"):
        remove_slot(store, settings, "dag/run", 0, 1)
