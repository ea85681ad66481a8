"""What is recorded or labelled as ours but has no lease: servers and clients of dead slots."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airtune.launchers.opening import cluster_launcher
from airtune.processes.left import slots_with_processes
from airtune.processes.place import end_slot, run_folder
from airtune.settings import DockerHost, Settings
from airtune.study.cluster_places import ClusterAccess, namespaces
from airtune.study.reap import Liveness, OwnerProbe, Remove, reap_unleased
from airtune.study.store import Store

if TYPE_CHECKING:
    from airtune.launchers.kubernetes.launcher import ClusterLauncher

FETCH_LIMIT_S = 6 * 3600.0
"""A container that fetches weights for longer than this has lost whoever waited for it."""

_OBJECTS = {"kubernetes": "pods", "ome": "InferenceServices"}
_CLUSTER_PATIENCE_S = 5.0
"""For an API server that is away: the reaper comes again."""


@dataclass(frozen=True)
class Orphan:
    """Something without a lease that no living slot owns, or might not.

    Attributes:
        what: whose it is and where.
        removed: it is gone.
        reason: one sentence: why it is, or why not and what to do.
    """

    what: str
    removed: bool
    reason: str


def reap_orphans(
    store: Store, settings: Settings, probe: OwnerProbe, *, force: bool = False
) -> list[Orphan]:
    """Remove what slots that are surely dead have left: processes of this host, containers, pods.

    Docker Engines and clusters are asked only if a run of the store has used them. What a living
    slot owns stays, and so does what is not ours. One that cannot be reached is told as one orphan
    if a run on it has not ended; one that was used once and has gone is no complaint for ever.

    Args:
        force: take unknown owners for dead (never living ones).
    """
    probe = partial(_forced, probe) if force else probe
    launchers = store.launchers()
    found = list(_processes(store, settings, probe, launchers))
    for host in settings.docker_hosts:
        name = f"docker/{host.name}" if host.name else "docker"
        if name in launchers.values():
            used = name in store.launchers(unfinished=True).values()
            found += _containers(store, settings, probe, host, used)
    in_use = namespaces(store, unfinished=True)
    for access, where in sorted(namespaces(store).items()):
        now = in_use.get(access, set())
        found += _pods(store, settings, probe, access, {space: space in now for space in where})
    return found


def _forced(probe: OwnerProbe, run: str, slot: int) -> Liveness:
    liveness = probe(run, slot)
    return "dead" if liveness == "unknown" else liveness


def _processes(
    store: Store, settings: Settings, probe: OwnerProbe, runs: dict[str, str]
) -> Iterator[Orphan]:
    names = {run_folder(run): run for run in runs}
    alive = slots_with_processes(settings.run_dir)
    # A folder of no run in the store belongs to another store: its owner is not known here.
    slots = {(names[folder], slot): 0 for folder, slot in alive if folder in names}
    remove = partial(end_slot, settings.run_dir)
    yield from _reaped(store, slots, probe, remove, "processes")


def _containers(
    store: Store, settings: Settings, probe: OwnerProbe, host: DockerHost, used: bool
) -> Iterator[Orphan]:
    from airtune.launchers.docker.connect import connect
    from airtune.launchers.docker.orphans import owners, stale
    from airtune.launchers.docker.remove import remove, remove_container

    where = f"containers on {host.url}"
    own = settings.installation
    try:
        with connect(host) as client:
            slots: dict[tuple[str, int], int] = {}
            for run, slot, attempt in owners(client, own):
                slots[run, slot] = max(attempt, slots.get((run, slot), 0))
            yield from _reaped(store, slots, probe, partial(remove, client, own), where)
            for one in stale(client, own, FETCH_LIMIT_S):
                remove_container(client, one)
                yield Orphan(f"{one.name} on {host.url}", True, "Nobody waited for it.")
    # Of any kind: the engines that can be reached are still to be looked at.
    except Exception as error:
        if used:
            yield Orphan(where, False, f"They could not be looked at: {error}")


def _pods(
    store: Store,
    settings: Settings,
    probe: OwnerProbe,
    access: ClusterAccess,
    where: Mapping[str, bool],
) -> Iterator[Orphan]:
    """Of one cluster.

    Args:
        where: namespaces that runs have used, and whether one that has not ended does.
    """
    from airtune.launchers.kubernetes.access import connect, place
    from airtune.launchers.kubernetes.api import ApiRefused
    from airtune.launchers.kubernetes.refusal import failure_of

    cluster = place(settings, access.kubeconfig)
    what = f"{_OBJECTS[access.launcher]} in {cluster}"
    unseen = "They could not be looked at:"
    try:
        with connect(settings, access.kubeconfig, patience_s=_CLUSTER_PATIENCE_S) as api:
            for space, used in sorted(where.items()):
                launcher = cluster_launcher(
                    access.launcher, api, settings, access.kubeconfig, space
                )
                try:
                    slots = _owners(store, launcher, settings.installation, space)
                except ApiRefused as error:
                    if error.status == 0:
                        raise
                    # Rights in one namespace may have been taken away, and not in the others.
                    if used:
                        told = f"{unseen} {failure_of(error, cluster).reason}"
                        yield Orphan(f"{what}, namespace {space}", False, told)
                    continue
                yield from _reaped(store, slots, probe, launcher.remove, what)
    # As above: the others are still to be looked at.
    except Exception as error:
        if any(where.values()):
            refused = failure_of(error, cluster) if isinstance(error, ApiRefused) else None
            yield Orphan(what, False, f"{unseen} {refused.reason if refused else error}")


def _owners(
    store: Store, launcher: "ClusterLauncher", installation: str, namespace: str
) -> dict[tuple[str, int], int]:
    """Slots of this kind of launcher that have something there → its newest attempt."""
    from airtune.launchers.kubernetes.lookup import owners

    runs, slots = store.launchers(), dict[tuple[str, int], int]()
    for run, slot, attempt in owners(launcher.api, launcher.kind, installation, namespace):
        if runs.get(run, launcher.kind) == launcher.kind:
            slots[run, slot] = max(attempt, slots.get((run, slot), 0))
    return slots


def _reaped(
    store: Store,
    slots: dict[tuple[str, int], int],
    probe: OwnerProbe,
    remove: Remove,
    what: str,
) -> Iterator[Orphan]:
    for one in reap_unleased(store, slots, probe, remove):
        yield Orphan(f"{what} of {one.run} slot {one.slot}", one.removed, one.reason)
