"""Runs of studies: opened by ``plan``, finished by ``reduce``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from airtune.errors import StudyBusyError
from airtune.records import Failure, FailureClass, TrialState, Verdict
from airtune.study import tables
from airtune.study.database import Database

_runs = tables.runs.c


@dataclass(frozen=True)
class RunRow:
    """One run as the store keeps it.

    Attributes:
        run: ``<dag_id>/<run_id>``.
        task: the task as JSON.
        plan: JSON of the planned trials; the index is the slot.
        finished_at: None while the run goes on (or died without finishing).
        verdict: None until there is one.
    """

    run: str
    study: str
    task_name: str
    launcher: str
    task: dict[str, Any]
    plan: list[dict[str, Any]]
    opened_at: datetime
    finished_at: datetime | None
    verdict: Verdict | None


class Runs:
    """The part of the store that keeps runs."""

    database: Database

    def open_run(
        self,
        run: str,
        study: str,
        task_name: str,
        launcher: str,
        task_json: Mapping[str, Any],
        plan: Sequence[Mapping[str, Any]],
        *,
        alone: bool = False,
    ) -> RunRow:
        """Store a run, or return what is stored under its name and go on with that.

        A run that had finished (it was cleared) is open again.

        Args:
            alone: refuse when the study has another unfinished run, in the same transaction.

        Raises:
            StudyBusyError: ``alone`` was asked for and another run of the study is unfinished.
        """
        with self.database.write() as connection:
            self.database.serialise(connection, f"study {study}")
            if alone:
                _refuse_second_run(connection, run, study)
            row = {
                "run": run,
                "study": study,
                "task_name": task_name,
                "launcher": launcher,
                "task": dict(task_json),
                "plan": [dict(trial) for trial in plan],
                "opened_at": self.database.now(connection),
            }
            if not self.database.ensure(connection, tables.runs, row):
                reopen = update(tables.runs).where(_runs.run == run).values(finished_at=None)
                connection.execute(reopen)
            return _one(connection, run)

    def run(self, run: str) -> RunRow:
        """The run with this name.

        Raises:
            LookupError: it is not in the store.
        """
        with self.database.read() as connection:
            return _one(connection, run)

    def find_run(self, run: str) -> RunRow | None:
        """The run with this name; None if ``plan`` has not stored it."""
        with self.database.read() as connection:
            found = _select(connection, _runs.run == run)
        return found[0] if found else None

    def unfinished_runs(self, study: str) -> list[RunRow]:
        """Runs of the study that were opened and not finished, oldest first.

        Some may be dead: whoever cares asks Airflow and finishes those with no verdict.
        """
        with self.database.read() as connection:
            return _select(connection, (_runs.study == study) & _runs.finished_at.is_(None))

    def newest_run(self, study: str) -> RunRow:
        """The run of the study that was opened last.

        Raises:
            LookupError: the study has no run.
        """
        with self.database.read() as connection:
            found = _select(connection, _runs.study == study)
        if not found:
            raise LookupError(f"Study {study} has no run in the store.")
        return found[-1]

    def finish_run(self, run: str, verdict: Verdict | None) -> None:
        """Mark the run as finished; ``None`` leaves a verdict that is stored already.

        Trials still marked as running become failed (``cancelled``): nothing runs them any more.

        Raises:
            LookupError: it is not in the store.
        """
        with self.database.write() as connection:
            values: dict[str, Any] = {"finished_at": self.database.now(connection)}
            if verdict is not None:
                values["verdict"] = verdict.model_dump(mode="json")
            found = connection.execute(update(tables.runs).where(_runs.run == run).values(values))
            if not found.rowcount:
                raise _unknown(run)
            close_trials(
                connection, tables.trials.c.run == run, "The run ended before the trial did."
            )

    def judged_run(self, study: str, *, before: str | None = None) -> RunRow | None:
        """The study's run with a verdict that finished last, None if no run has one.

        Args:
            before: a run; then only those count that were opened before it.
        """
        which = (_runs.study == study) & _runs.verdict.is_not(None)
        if before is not None:
            opened_at = select(_runs.opened_at).where(_runs.run == before).scalar_subquery()
            which &= (_runs.run != before) & (_runs.opened_at <= opened_at)
        query = (
            select(_runs.run)
            .where(which)
            .order_by(func.coalesce(_runs.finished_at, _runs.opened_at).desc())
            .limit(1)
        )
        with self.database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
            return None if found is None else _one(connection, found)

    def launchers(self, *, unfinished: bool = False) -> dict[str, str]:
        """The launcher of every run, or of every unfinished one, by the run's name."""
        query = select(_runs.run, _runs.launcher)
        query = query.where(_runs.finished_at.is_(None)) if unfinished else query
        with self.database.read() as connection:
            return {run: name for run, name in connection.execute(query)}

    def tasks(self, *launchers: str, unfinished: bool = False) -> list[tuple[str, dict[str, Any]]]:
        """Launcher and task of every run, or of every unfinished one, with these launchers."""
        query = select(_runs.launcher, _runs.task).where(_runs.launcher.in_(launchers))
        query = query.where(_runs.finished_at.is_(None)) if unfinished else query
        with self.database.read() as connection:
            return [(name, dict(task)) for name, task in connection.execute(query)]

    def last_end(self, dag_id: str) -> datetime | None:
        """When the last run of a DAG that has a verdict ended, None if there is none."""
        own = _runs.run.startswith(f"{dag_id}/", autoescape=True)
        query = select(func.max(_runs.finished_at)).where(own, _runs.verdict.is_not(None))
        with self.database.read() as connection:
            seconds = connection.execute(query).scalar_one_or_none()
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    def last_verdict(self, study: str) -> Verdict | None:
        """The verdict of ``judged_run``."""
        run = self.judged_run(study)
        return None if run is None else run.verdict

    def latest_study(self, task_name: str) -> str | None:
        """Study of the newest run with this task name, None if there is no run."""
        with self.database.read() as connection:
            query = (
                select(_runs.study)
                .where(_runs.task_name == task_name)
                .order_by(_runs.opened_at.desc())
                .limit(1)
            )
            return connection.execute(query).scalar_one_or_none()


def close_trials(connection: Connection, which: ColumnElement[bool], reason: str) -> None:
    """Turn running trials into failed ones (``cancelled``) that nothing will end any more."""
    failure = Failure(failure_class=FailureClass.CANCELLED, reason=reason)
    connection.execute(
        update(tables.trials)
        .where(which, tables.trials.c.state == TrialState.RUNNING.value)
        .values(state=failure.failure_class.state.value, failure=failure.model_dump(mode="json"))
    )


def _refuse_second_run(connection: Connection, run: str, study: str) -> None:
    others = (_runs.study == study) & _runs.finished_at.is_(None) & (_runs.run != run)
    busy = connection.execute(select(_runs.run).where(others).limit(1)).scalar_one_or_none()
    if busy is not None:
        raise StudyBusyError(
            f"Study {study} is in the unfinished run {busy}. Wait for it, or end that run first."
        )


def _one(connection: Connection, run: str) -> RunRow:
    found = _select(connection, _runs.run == run)
    if not found:
        raise _unknown(run)
    return found[0]


def _unknown(run: str) -> LookupError:
    return LookupError(f"Run {run} is not in the store: its plan task has not opened it.")


def _select(connection: Connection, which: ColumnElement[bool]) -> list[RunRow]:
    query = select(tables.runs).where(which).order_by(_runs.opened_at, _runs.run)
    return [_run(row) for row in connection.execute(query)]


def _run(row: Row[Any]) -> RunRow:
    values = dict(row._mapping)
    for name in ("opened_at", "finished_at"):
        if values[name] is not None:
            values[name] = datetime.fromtimestamp(values[name], UTC)
    if values["verdict"] is not None:
        values["verdict"] = Verdict.model_validate(values["verdict"])
    return RunRow(**values)
