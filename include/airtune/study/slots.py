"""Slots: which attempt of a slot counts, so that an older one can write nothing any more."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select, update

from airtune.errors import FencedError
from airtune.records import TrialState
from airtune.study import tables
from airtune.study.database import Database
from airtune.study.runs import close_trials

_slots = tables.slots.c


@dataclass(frozen=True)
class Claim:
    """What entering a slot's task gave.

    Attributes:
        generation: ≥ 0; grows when the slot is run anew because tasks were cleared.
        attempt: ≥ 1; grows at every entry. Only the newest attempt may write.
        renewed: the slot is run anew and has no trial yet in this generation: what the older
            one left must go before one begins. It stays so for a retry that comes before that.
    """

    generation: int
    attempt: int
    renewed: bool = False


class Slots:
    """The part of the store that numbers the attempts of slots."""

    database: Database

    def claim(self, run: str, slot: int, task: str, clears: int) -> Claim:
        """Enter a task of a slot: from now on all earlier attempts are fenced out.

        Args:
            task: ``deploy``, ``benchmark`` or ``teardown``.
            clears: how often that task was cleared so far. Where it has grown, ``deploy`` opens
                a new generation; ``benchmark`` does only if the slot has no running trial (then
                it was cleared alone). Trials still running in the old generation become failed.

        Raises:
            LookupError: the run is not in the store.
        """
        with self.database.write() as connection:
            self._know(connection, run, slot)
            row = connection.execute(
                select(_slots.generation, _slots.attempt).where(_at(run, slot)).with_for_update()
            ).one()
            generation = row.generation
            if self._cleared(connection, run, slot, task, clears) and (
                task == "deploy" or (task == "benchmark" and not _is_open(connection, run, slot))
            ):
                generation += 1
                which = (tables.trials.c.run == run) & (tables.trials.c.slot == slot)
                close_trials(connection, which, "The slot was cleared and is run again.")
            _enter(connection, run, slot, generation, row.attempt + 1)
            renewed = generation > 0 and not _has_trial(connection, run, slot, generation)
            return Claim(generation, row.attempt + 1, renewed)

    def take_over(self, run: str, slot: int, attempt: int) -> Claim | None:
        """Enter a slot only if ``attempt`` is still its newest; None if somebody was faster.

        For the reaper: it must not fence out a retry that began after it had looked.
        """
        with self.database.write() as connection:
            query = select(_slots.generation, _slots.attempt).where(_at(run, slot))
            row = connection.execute(query.with_for_update()).one_or_none()
            if row is None or row.attempt != attempt:
                return None
            _enter(connection, run, slot, row.generation, attempt + 1)
            return Claim(row.generation, attempt + 1)

    def current(self, run: str, slot: int) -> Claim:
        """The newest claim of the slot; ``Claim(0, 0)`` if it was never entered."""
        with self.database.read() as connection:
            return current(connection, run, slot)

    def _know(self, connection: Connection, run: str, slot: int) -> None:
        known = select(tables.runs.c.run).where(tables.runs.c.run == run)
        if connection.execute(known).one_or_none() is None:
            raise LookupError(f"Run {run} is not in the store: its plan task has not opened it.")
        row = {"run": run, "slot": slot, "generation": 0, "attempt": 0}
        self.database.ensure(connection, tables.slots, row)

    def _cleared(self, connection: Connection, run: str, slot: int, task: str, clears: int) -> bool:
        """True if ``clears`` is more than was known of this task; it is known from now on."""
        key = {"run": run, "slot": slot, "task": task}
        column = tables.clears.c
        query = select(column.clears).where(
            column.run == run, column.slot == slot, column.task == task
        )
        known = connection.execute(query).scalar_one_or_none() or 0
        if clears > known:
            self.database.upsert(connection, tables.clears, key, {"clears": clears})
        return clears > known


def current(connection: Connection, run: str, slot: int) -> Claim:
    """The newest claim of a slot, within a transaction; not locked."""
    query = select(_slots.generation, _slots.attempt).where(_at(run, slot))
    row = connection.execute(query).one_or_none()
    return Claim(0, 0) if row is None else Claim(row.generation, row.attempt)


def fence(connection: Connection, run: str, slot: int, attempt: int) -> Claim:
    """Lock the slot for this transaction and return its claim, if ``attempt`` is the newest.

    Raises:
        FencedError: a newer attempt has entered the slot, or none ever did.
    """
    query = select(_slots.generation, _slots.attempt).where(_at(run, slot)).with_for_update()
    row = connection.execute(query).one_or_none()
    newest = 0 if row is None else row.attempt
    if row is None or newest != attempt:
        raise FencedError(
            f"Slot {slot} of {run}: attempt {attempt} may not write, attempt {newest} is current."
        )
    return Claim(row.generation, attempt)


def _enter(connection: Connection, run: str, slot: int, generation: int, attempt: int) -> None:
    values = {"generation": generation, "attempt": attempt}
    connection.execute(update(tables.slots).where(_at(run, slot)).values(values))
    # A reclaim compares the attempt: it must not take the devices of a slot that lives again.
    held = (tables.leases.c.run == run) & (tables.leases.c.slot == slot)
    connection.execute(update(tables.leases).where(held).values(attempt=attempt))


def _at(run: str, slot: int) -> ColumnElement[bool]:
    return (_slots.run == run) & (_slots.slot == slot)


def _is_open(connection: Connection, run: str, slot: int) -> bool:
    trial = tables.trials.c
    query = select(trial.trial_id).where(
        trial.run == run, trial.slot == slot, trial.state == TrialState.RUNNING.value
    )
    return connection.execute(query).first() is not None


def _has_trial(connection: Connection, run: str, slot: int, generation: int) -> bool:
    trial = tables.trials.c
    query = select(trial.trial_id).where(
        trial.run == run, trial.slot == slot, trial.generation == generation
    )
    return connection.execute(query).first() is not None
