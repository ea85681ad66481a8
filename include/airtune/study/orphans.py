"""What is recorded or labelled as ours but has no lease: servers and clients of dead slots."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from airtune.launchers.opening import cluster_launcher
from airtune.processes.left import slots_with_processes
from airtune.processes.place import end_slot, run_folder
from airtune.settings import DockerHost, Settings
from airtune.study.cluster_places import ClusterAccess, namespaces
from airtune.study.reap import Liveness, OwnerProbe, Remove, reap_unleased
from airtune.study.store import Store

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
        found += _pods(store, settings, probe, access, where, access in in_use)
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
    where: set[str],
    used: bool,
) -> Iterator[Orphan]:
    from airtune.launchers.kubernetes.access import connect, place
    from airtune.launchers.kubernetes.lookup import owners
    from airtune.launchers.kubernetes.refusal import reaching

    cluster = place(settings, access.kubeconfig)
    what = f"{_OBJECTS[access.launcher]} in {cluster}"
    runs = store.launchers()
    try:
        with (
            reaching(cluster),
            connect(settings, access.kubeconfig, patience_s=_CLUSTER_PATIENCE_S) as api,
        ):
            for space in sorted(where):
                launcher = cluster_launcher(
                    access.launcher, api, settings, access.kubeconfig, space
                )
                slots: dict[tuple[str, int], int] = {}
                for run, slot, attempt in owners(api, launcher.kind, settings.installation, space):
                    if runs.get(run, access.launcher) == access.launcher:
                        slots[run, slot] = max(attempt, slots.get((run, slot), 0))
                yield from _reaped(store, slots, probe, launcher.remove, what)
    # As above: the others are still to be looked at.
    except Exception as error:
        if used:
            yield Orphan(what, False, f"They could not be looked at: {error}")


def _reaped(
    store: Store,
    slots: dict[tuple[str, int], int],
    probe: OwnerProbe,
    remove: Remove,
    what: str,
) -> Iterator[Orphan]:
    for one in reap_unleased(store, slots, probe, remove):
        yield Orphan(f"{what} of {one.run} slot {one.slot}", one.removed, one.reason)
