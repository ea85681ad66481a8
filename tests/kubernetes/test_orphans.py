"""Objects that dead runs have left, on a real cluster."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from airtune.launchers.kubernetes import names, paths, remove
from airtune.launchers.kubernetes.api import ClusterApi, Json
from airtune.launchers.kubernetes.lookup import found
from airtune.settings import Settings
from airtune.study.orphans import reap_orphans
from airtune.study.reap import Liveness, OwnerProbe, reap
from airtune.study.removal import remove_slot
from airtune.study.store import Store

pytestmark = pytest.mark.kubernetes

IMAGE = "busybox:1.38"
RUN = "dag/run"
DEVICES = ["gpu0", "gpu1"]


@pytest.fixture(scope="module")
def space(namespace: Callable[..., str]) -> str:
    return namespace("orphans")


@pytest.fixture
def settings(kubeconfig: Path, tmp_path: Path) -> Settings:
    return Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": uuid4().hex[:8],
            "AIRTUNE_KUBECONFIG": str(kubeconfig),
        }
    )


@pytest.fixture
def store(tmp_path: Path, space: str) -> Iterator[Store]:
    task = {"model": {"name": "m", "namespace": space}}
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.open_run(RUN, "s-1", "s", "kubernetes", task, [])
        yield store


class Place:
    """Makes objects of slots in one namespace, and tells what is left of all."""

    def __init__(self, api: ClusterApi, namespace: str, own: str) -> None:
        self.api, self.namespace, self.own = api, namespace, own

    def slot(self, slot: int, run: str = RUN, own: str = "", **metadata: object) -> set[str]:
        """The server's pod with its Service and client; their names."""
        own = own or self.own
        pod = self._made("Pod", self._metadata(own, run, slot, "server") | metadata)
        owner = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"]}
        owned = {"ownerReferences": [owner | {"uid": pod["metadata"]["uid"]}]}
        service = self._made("Service", self._metadata(own, run, slot, "server") | owned)
        client = self._made("Pod", self._metadata(own, run, slot, "client") | owned)
        return {f"{one['kind']} {one['metadata']['name']}" for one in (pod, service, client)}

    def unlabelled(self) -> str:
        """A pod of somebody's; its name."""
        name = f"theirs-{uuid4().hex[:6]}"
        return f"Pod {self._made('Pod', {'name': name})['metadata']['name']}"

    def left(self) -> set[str]:
        """Kinds and names of everything in the namespace that is not on its way out."""
        return {
            f"{kind} {one['metadata']['name']}"
            for kind in ("Pod", "Service")
            for one in self.api.get(paths.path_of("v1", kind, self.namespace))["items"]
            if "deletionTimestamp" not in one["metadata"]
        }

    def _metadata(self, own: str, run: str, slot: int, role: str) -> Json:
        return {
            "name": names.object_name(own, run, slot, role),
            "labels": names.labels_of(own, run, slot, 1, role),
            "annotations": names.annotations_of(own, run),
        }

    def _made(self, kind: str, metadata: Json) -> Json:
        container = {
            "name": "server",
            "image": IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", "600"],
        }
        pod = {"containers": [container], "terminationGracePeriodSeconds": 1}
        spec = {"Pod": pod, "Service": {"ports": [{"port": 8000}]}}
        body = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec[kind]}
        return self.api.post(paths.path_of("v1", kind, self.namespace), body)


@pytest.fixture
def place(cluster_api: ClusterApi, space: str, settings: Settings) -> Place:
    return Place(cluster_api, space, settings.installation)


def _dead_but(living: int) -> OwnerProbe:
    def probe(run: str, slot: int) -> Liveness:
        return "alive" if slot == living else "dead"

    return probe


def test_dead_slots_lose_their_objects_and_nobody_else_does(
    place: Place, settings: Settings, store: Store
) -> None:
    dead = place.slot(0) | place.slot(0, run="dag/of-a-lost-store")
    staying = place.slot(1) | place.slot(0, own=uuid4().hex[:8]) | {place.unlabelled()}
    orphans = reap_orphans(store, settings, _dead_but(1))
    assert [one.removed for one in orphans] == [True, True]
    assert not dead & place.left()
    assert staying <= place.left()
    assert reap_orphans(store, settings, _dead_but(1)) == []


def test_a_dead_slots_devices_come_back_once_its_objects_are_gone(
    place: Place, settings: Settings, store: Store
) -> None:
    for slot in (0, 1):
        attempt = store.claim(RUN, slot, "deploy", 0).attempt
        assert store.try_lease(RUN, slot, attempt, 1, DEVICES, 0)
    dead, living = place.slot(0), place.slot(1)
    (reaped,) = reap(store, _dead_but(1), partial(remove_slot, store, settings))
    assert reaped.reclaimed, reaped.reason
    assert [lease.slot for lease in store.holders()] == [1]
    assert not dead & place.left()
    assert living <= place.left()


def test_a_pod_that_a_finalizer_holds_is_told_and_keeps_its_devices(
    place: Place,
    settings: Settings,
    store: Store,
    cluster_api: ClusterApi,
    space: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remove, "_GONE_WITHIN_S", 1.0)
    attempt = store.claim(RUN, 0, "deploy", 0).attempt
    assert store.try_lease(RUN, 0, attempt, 1, DEVICES, 0)
    place.slot(0, finalizers=["airtune.example/held"])
    take_back = partial(remove_slot, store, settings)
    (reaped,) = reap(store, _dead_but(1), take_back)
    assert not reaped.reclaimed
    assert "finalizers" in reaped.reason
    assert len(store.holders()) == 1
    for one in found(cluster_api, "kubernetes", settings.installation, space):
        if one.kind == "Pod":
            cluster_api.patch(paths.place_of(one.manifest), {"metadata": {"finalizers": None}})
    (reaped,) = reap(store, _dead_but(1), take_back)
    assert reaped.reclaimed, reaped.reason
    assert store.holders() == []
