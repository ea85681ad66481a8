"""Writing trials: begun once a generation, then recorded piece by piece, the moment it exists."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, select, update

from airtune.records import (
    Failure,
    Measurement,
    ParamValue,
    Role,
    Score,
    Trial,
    TrialState,
)
from airtune.study import tables
from airtune.study.archive import load_current
from airtune.study.database import Database
from airtune.study.slots import Claim, fence

Phase = Literal["lease_wait", "start", "warm_up", "benchmark", "teardown"]
"""A field of ``airtune.records.PhaseSeconds``."""

_trials = tables.trials.c
_FINAL = {TrialState.SUCCEEDED.value, TrialState.INFEASIBLE.value}


class Trials:
    """The part of the store that writes trials.

    Every write names its attempt and is refused (``FencedError``) once a newer one has entered
    the slot. Repeating a write changes nothing more.
    """

    database: Database

    def begin_trial(
        self,
        run: str,
        slot: int,
        attempt: int,
        *,
        role: Role,
        label: str,
        parameters: Mapping[str, ParamValue],
        plan_key: str,
        argv: Sequence[str] | None = None,
        devices: Sequence[str] | None = None,
    ) -> Trial:
        """The slot's trial: made in a new generation, opened again in the same one.

        A trial that has succeeded or is infeasible is returned as it is; a failed one runs again
        and keeps its id, what was measured, and whatever is not given anew.

        Raises:
            FencedError: a newer attempt has entered the slot.
        """
        with self.database.write() as connection:
            claim = fence(connection, run, slot, attempt)
            which = _of(run, slot, claim)
            state = connection.execute(select(_trials.state).where(which)).scalar_one_or_none()
            values: dict[str, Any] = {"state": TrialState.RUNNING.value}
            values |= {} if argv is None else {"argv": list(argv)}
            values |= {} if devices is None else {"devices": list(devices)}
            if state is None:
                what: dict[str, Any] = {
                    "role": role.value,
                    "label": label,
                    "parameters": dict(parameters),
                }
                what |= {"plan_key": plan_key, "files": {}, "argv": [], "devices": []}
                what["identity"] = {}
                self._insert(connection, run, slot, claim, what | values)
            elif state not in _FINAL:
                values |= {"failure": None, "score": None}
                connection.execute(update(tables.trials).where(which).values(values))
            return _current(connection, run, slot)

    def record_measurement(
        self, run: str, slot: int, attempt: int, index: int, measurement: Measurement
    ) -> None:
        """Store what was measured at the load point ``index`` (≥ 0) of the slot's trial.

        Measured again by a later attempt, it replaces what an earlier one left.

        Raises:
            FencedError: a newer attempt has entered the slot.
            LookupError: no trial has begun in this generation.
        """
        with self.database.write() as connection:
            claim = fence(connection, run, slot, attempt)
            now = self.database.now(connection)
            _set(connection, _of(run, slot, claim), {"measured_at": now})
            key = _key(run, slot, claim) | {"point": index}
            values = {"measurement": measurement.model_dump(mode="json")}
            self.database.upsert(connection, tables.measurements, key, values)

    def record_trial(
        self,
        run: str,
        slot: int,
        attempt: int,
        *,
        state: TrialState | None = None,
        failure: Failure | None = None,
        score: Score | None = None,
        argv: Sequence[str] | None = None,
        effective: Mapping[str, ParamValue] | None = None,
        devices: Sequence[str] | None = None,
        files: Mapping[str, str] | None = None,
        seconds: Mapping[Phase, float] | None = None,
        identity: Mapping[str, ParamValue] | None = None,
    ) -> Trial:
        """Store what is given of the slot's trial and leave the rest; returns the trial.

        Args:
            state: with ``failure`` it may be left out: the failure's class says it.
            failure: also kept as the failure of this attempt, see ``failures_of``.
            files: added to those known, by role.
            seconds: replaces the seconds of the phases it names; ``add_seconds`` adds.
            identity: what the server really runs on (``image_digest``, ``host`` …), whole.

        Raises:
            FencedError: a newer attempt has entered the slot.
            LookupError: no trial has begun in this generation.
        """
        with self.database.write() as connection:
            claim = fence(connection, run, slot, attempt)
            which = _of(run, slot, claim)
            known = connection.execute(select(_trials.files).where(which)).scalar_one_or_none()
            values: dict[str, Any] = {"files": {**(known or {}), **(files or {})}}
            values |= _outcome(state, failure, score)
            values |= {} if argv is None else {"argv": list(argv)}
            values |= {} if devices is None else {"devices": list(devices)}
            values |= {} if effective is None else {"effective": dict(effective)}
            values |= {} if identity is None else {"identity": dict(identity)}
            _set(connection, which, values)
            key = _key(run, slot, claim)
            if failure is not None:
                self.database.upsert(
                    connection,
                    tables.failures,
                    key | {"attempt": attempt},
                    {"failure_class": failure.failure_class.value},
                )
            for phase, spent in (seconds or {}).items():
                self.database.upsert(
                    connection, tables.seconds, key | {"phase": phase}, {"seconds": spent}
                )
            return _current(connection, run, slot)

    def add_seconds(self, run: str, slot: int, phase: Phase, seconds: float) -> None:
        """Add to what a phase of the slot's current generation took; also before its trial begins.

        Not fenced: the time was spent, whoever spent it.
        """
        with self.database.write() as connection:
            at = (tables.slots.c.run == run) & (tables.slots.c.slot == slot)
            generation = connection.execute(select(tables.slots.c.generation).where(at))
            claim = Claim(generation.scalar_one_or_none() or 0, 0)
            key = _key(run, slot, claim) | {"phase": phase}
            self.database.ensure(connection, tables.seconds, key | {"seconds": 0.0})
            spent = tables.seconds.c
            connection.execute(
                update(tables.seconds)
                .where(*(spent[name] == value for name, value in key.items()))
                .values(seconds=spent.seconds + seconds)
            )

    def _insert(
        self, connection: Connection, run: str, slot: int, claim: Claim, values: dict[str, Any]
    ) -> None:
        found = select(tables.runs.c.task_name, tables.runs.c.study).where(tables.runs.c.run == run)
        task_name, study = connection.execute(found).one()
        # The counter's row stays locked until the end: no two trials of a name get one id.
        self.database.ensure(connection, tables.counters, {"task_name": task_name, "last": 0})
        trial_id = connection.execute(
            update(tables.counters)
            .where(tables.counters.c.task_name == task_name)
            .values(last=tables.counters.c.last + 1)
            .returning(tables.counters.c.last)
        ).scalar_one()
        row = values | _key(run, slot, claim)
        row |= {"task_name": task_name, "trial_id": trial_id, "study": study}
        connection.execute(tables.trials.insert().values(row))


def _outcome(
    state: TrialState | None, failure: Failure | None, score: Score | None
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if failure is not None:
        values["failure"] = failure.model_dump(mode="json")
        values["state"] = failure.failure_class.state.value
    if score is not None:
        values["score"] = score.model_dump(mode="json")
    if state is not None:
        values["state"] = state.value
    if state is TrialState.SUCCEEDED:
        values["failure"] = None
    return values


def _key(run: str, slot: int, claim: Claim) -> dict[str, Any]:
    return {"run": run, "slot": slot, "generation": claim.generation}


def _of(run: str, slot: int, claim: Claim) -> ColumnElement[bool]:
    here = (_trials.run == run) & (_trials.slot == slot)
    return here & (_trials.generation == claim.generation)


def _set(connection: Connection, which: ColumnElement[bool], values: dict[str, Any]) -> None:
    if not connection.execute(update(tables.trials).where(which).values(values)).rowcount:
        raise LookupError("The slot has no trial in this generation: begin_trial comes first.")


def _current(connection: Connection, run: str, slot: int) -> Trial:
    trial = load_current(connection, run, slot)
    if trial is None:  # it was written in this very transaction
        raise LookupError(f"Slot {slot} of {run} has no trial.")
    return trial
