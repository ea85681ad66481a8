"""Reaping: devices of dead owners come back, once what the owners left is gone."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from airtune.errors import FencedError
from airtune.records import Failure, FailureClass, Lease, TrialState
from airtune.study.store import Store

Liveness = Literal["alive", "dead", "unknown"]

RUN_ENDED = frozenset({"success", "failed"})
ENDED = RUN_ENDED | {"skipped", "upstream_failed", "removed"}
ACTIVE = frozenset({"scheduled", "queued", "running", "restarting", "deferred"})
"""Airflow's words for the states of runs and of task instances."""

Remove = Callable[[str, int, int], object]
"""``(run, slot, attempt)``: end server and client of that attempt and earlier ones, see them gone.

It raises if something survives; then the lease stays.
"""


def slot_liveness(run_state: str, states: Collection[str | None]) -> Liveness:
    """Whether a slot whose run and tasks are in these states can still do something.

    Dead is one whose tasks have all ended, or none of whose tasks is active although its run has
    ended: that alone is no proof, since teardowns go on after a run is marked failed.
    """
    if run_state in RUN_ENDED:
        return "alive" if ACTIVE.intersection(filter(None, states)) else "dead"
    return "dead" if states and ENDED.issuperset(states) else "alive"


class OwnerProbe(Protocol):
    """Tells whether the tasks of a slot can still do something."""

    def __call__(self, run: str, slot: int) -> Liveness:
        """``dead`` only if surely none of them runs or will; ``unknown`` when in doubt."""


@dataclass(frozen=True)
class Reaped:
    """A lease whose owner is not alive.

    Attributes:
        reclaimed: its devices are free again.
        reason: one sentence: why they are, or why not and what to do.
    """

    lease: Lease
    reclaimed: bool
    reason: str


def reap(
    store: Store,
    probe: OwnerProbe,
    remove: Remove,
    *,
    force: bool = False,
    pool: Collection[str] | None = None,
) -> list[Reaped]:
    """Look at every lease and take it from a dead owner; those of living ones are left out.

    A slot that is entered again meanwhile has a living owner.

    Args:
        force: take unknown owners for dead (never living ones).
        pool: look only at leases of these devices.
    """
    found = []
    for lease in store.holders():
        if pool is not None and not set(pool).intersection(lease.devices):
            continue
        liveness = probe(lease.run, lease.slot)
        if liveness == "alive":
            continue
        if liveness == "unknown" and not force:
            reason = "Whether its owner lives is unknown; if it is dead: airtune reap --force."
            found.append(Reaped(lease, False, reason))
        elif (reaped := _reap(store, lease, remove)) is not None:
            found.append(reaped)
    return found


@dataclass(frozen=True)
class Unleased:
    """A slot without a lease that has left something and is not alive.

    Attributes:
        removed: what it left is gone.
        reason: one sentence: why it is, or why not and what to do.
    """

    run: str
    slot: int
    removed: bool
    reason: str


def reap_unleased(
    store: Store, slots: Mapping[tuple[str, int], int], probe: OwnerProbe, remove: Remove
) -> Iterator[Unleased]:
    """Remove what slots have left that hold no lease and are dead; living ones are left out.

    Args:
        slots: ``(run, slot)`` of what was found → its newest attempt; that number is used only
            for slots that the store does not know.
    """
    held = {(lease.run, lease.slot) for lease in store.holders()}
    for (run, slot), found in sorted(slots.items()):
        newest = store.current(run, slot).attempt  # before the probe: who enters later, lives
        liveness = "alive" if (run, slot) in held else probe(run, slot)
        if liveness == "unknown":
            yield Unleased(run, slot, False, "Whether its owner lives is unknown.")
        elif liveness == "dead":
            reaped = _reap_unleased(store, run, slot, newest, found, remove)
            if reaped is not None:
                yield reaped


def _reap_unleased(
    store: Store, run: str, slot: int, newest: int, found: int, remove: Remove
) -> Unleased | None:
    claim = store.take_over(run, slot, newest) if newest else None
    if newest and claim is None:
        return None
    try:
        remove(run, slot, claim.attempt if claim else found)
    except Exception as error:  # whatever it is: the others are still to be looked at
        return Unleased(run, slot, False, f"It could not be removed: {error}")
    if claim:
        _close_trial(store, run, slot, claim.attempt)
    return Unleased(run, slot, True, "Its owner is dead and what it left is gone.")


def _reap(store: Store, lease: Lease, remove: Remove) -> Reaped | None:
    # Entering the slot fences the old owner out, should it be alive against all evidence, and
    # gives an attempt whose number tells our removal from a retry that begins now.
    claim = store.take_over(lease.run, lease.slot, lease.attempt)
    if claim is None:
        return None
    try:
        remove(lease.run, lease.slot, claim.attempt)
    except Exception as error:  # whatever it is: the others' leases are still to be looked at
        return Reaped(lease, False, f"What its owner left could not be removed: {error}")
    _close_trial(store, lease.run, lease.slot, claim.attempt)
    if store.reclaim(lease.model_copy(update={"attempt": claim.attempt})):
        return Reaped(lease, True, "Its owner is dead and what it left is gone.")
    return None


def _close_trial(store: Store, run: str, slot: int, attempt: int) -> None:
    trial = store.trial(run, slot)
    if trial is None or trial.state is not TrialState.RUNNING:
        return
    failure = Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason="Its tasks ended without cleaning up; run the task again to measure it.",
    )
    try:
        store.record_trial(run, slot, attempt, failure=failure)
    except FencedError:
        return  # entered again: the trial is that attempt's, and the reclaim will see it, too
