"""Reading trials back out of the store."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, select, true

from airtune.records import FailureClass, PhaseSeconds, Role, Trial, TrialState
from airtune.study import tables
from airtune.study.database import Database

_RESULTS = (TrialState.SUCCEEDED.value, TrialState.INFEASIBLE.value)
_trials = tables.trials.c
_Key = tuple[str, int, int]


class Archive:
    """The part of the store that reads trials."""

    database: Database

    def trials(self, study: str | None = None, run: str | None = None) -> list[Trial]:
        """All trials of a study, of a run, or of both at once; oldest first.

        Trials of older generations of a slot are among them.
        """
        which: ColumnElement[bool] = true()
        if study is not None:
            which &= _trials.study == study
        if run is not None:
            which &= _trials.run == run
        with self.database.read() as connection:
            return load(connection, which)

    def trial(self, run: str, slot: int) -> Trial | None:
        """The trial of the slot's current generation, None if that has not begun one."""
        with self.database.read() as connection:
            return load_current(connection, run, slot)

    def reusable(self, study: str, plan_keys: Collection[str]) -> dict[str, Trial]:
        """The newest search trial or finalist with a result for each plan key that has one.

        Succeeded and infeasible trials count; failed ones are worth another try. So is a
        configuration whose newest finalist failed: its older figures no longer speak for it.
        """
        which = and_(
            _trials.study == study,
            _trials.role.in_([Role.SEARCH.value, Role.FINALIST.value]),
            _trials.state.in_([*_RESULTS, TrialState.FAILED.value]),
            _trials.plan_key.in_(list(plan_keys)),
        )
        found: dict[str, Trial] = {}
        with self.database.read() as connection:
            for trial in load(connection, which):
                if trial.state is not TrialState.FAILED:
                    found[trial.plan_key] = trial
                elif trial.role is Role.FINALIST:
                    found.pop(trial.plan_key, None)
        return found

    def knows_digest(self, digest: str, host: str, *, besides: tuple[str, int]) -> bool:
        """True if a trial of any study was measured with this image on this engine's host.

        Infeasible ones count. The first trial of an image may compile what later ones find
        compiled, so it is marked.

        Args:
            digest: ``image_digest`` of the trial's identity.
            host: what the engine calls its machine, ``host`` of the identity; may be empty.
            besides: task name and id of the trial that asks.
        """
        identity, (task_name, trial_id) = _trials.identity, besides
        which = and_(
            _trials.state.in_(_RESULTS),
            _trials.measured_at.is_not(None),
            identity["image_digest"].as_string() == digest,
            func.coalesce(identity["host"].as_string(), "") == host,
            ~and_(_trials.task_name == task_name, _trials.trial_id == trial_id),
        )
        query = select(_trials.trial_id).where(which).limit(1)
        with self.database.read() as connection:
            return connection.execute(query).first() is not None

    def failures_of(self, run: str, slot: int, generation: int) -> list[FailureClass]:
        """The failures recorded in one generation of a slot, one an attempt, oldest first."""
        failure = tables.failures.c
        query = (
            select(failure.failure_class)
            .where(failure.run == run, failure.slot == slot, failure.generation == generation)
            .order_by(failure.attempt)
        )
        with self.database.read() as connection:
            return [FailureClass(found) for found in connection.execute(query).scalars()]


def load_current(connection: Connection, run: str, slot: int) -> Trial | None:
    """The trial of the slot's current generation, within a transaction."""
    generation = (
        select(tables.slots.c.generation)
        .where(tables.slots.c.run == run, tables.slots.c.slot == slot)
        .scalar_subquery()
    )
    which = and_(_trials.run == run, _trials.slot == slot, _trials.generation == generation)
    found = load(connection, which)
    return found[0] if found else None


def load(connection: Connection, which: ColumnElement[bool]) -> list[Trial]:
    """Trials with their load points and seconds, in the order of their ids."""
    rows = connection.execute(
        select(tables.trials).where(which).order_by(_trials.trial_id, _trials.study)
    ).all()
    points: dict[_Key, list[Any]] = defaultdict(list)
    for row in _details(connection, tables.measurements, which, tables.measurements.c.point):
        points[row.run, row.slot, row.generation].append(row.measurement)
    phases: dict[_Key, dict[str, float]] = defaultdict(dict)
    for row in _details(connection, tables.seconds, which, tables.seconds.c.phase):
        phases[row.run, row.slot, row.generation][row.phase] = row.seconds
    return [_trial(row, points, phases) for row in rows]


def _details(
    connection: Connection, table: Table, which: ColumnElement[bool], order: ColumnElement[Any]
) -> list[Row[Any]]:
    same = and_(
        table.c.run == _trials.run,
        table.c.slot == _trials.slot,
        table.c.generation == _trials.generation,
    )
    query = select(table).join(tables.trials, same).where(which).order_by(order)
    return list(connection.execute(query))


def _trial(
    row: Row[Any], points: dict[_Key, list[Any]], phases: dict[_Key, dict[str, float]]
) -> Trial:
    values = dict(row._mapping)
    key = (row.run, row.slot, row.generation)
    del values["task_name"], values["generation"]
    if values["measured_at"] is not None:
        values["measured_at"] = datetime.fromtimestamp(values["measured_at"], UTC)
    return Trial.model_validate(
        values | {"load_points": points[key], "seconds": PhaseSeconds(**phases[key])}
    )
