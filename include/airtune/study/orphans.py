"""What is recorded or labelled as ours but has no lease: servers and clients of dead slots."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from airtune.processes.left import slots_with_processes
from airtune.processes.place import end_slot, run_folder
from airtune.settings import DockerHost, Settings
from airtune.study.reap import Liveness, OwnerProbe, Remove, reap_unleased
from airtune.study.store import Store

FETCH_LIMIT_S = 6 * 3600.0
"""A container that fetches weights for longer than this has lost whoever waited for it."""


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
    """Remove processes of this host, and containers and networks, of slots that are surely dead.

    Docker Engines are asked only if a run of the store has used them. What a living slot owns
    stays, and so does what is not ours. An engine that cannot be reached is told as one orphan if a
    run on it has not ended; one that was used once and has gone is no complaint for ever.

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


def _reaped(
    store: Store,
    slots: dict[tuple[str, int], int],
    probe: OwnerProbe,
    remove: Remove,
    what: str,
) -> Iterator[Orphan]:
    for one in reap_unleased(store, slots, probe, remove):
        yield Orphan(f"{what} of {one.run} slot {one.slot}", one.removed, one.reason)
