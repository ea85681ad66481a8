"""A night that had to wait for the run before it is skipped."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from airtune.operators.overlap import overlap, skip_overlap
from airtune.records import Verdict
from airtune.study.store import Store

DUE = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    clock = (DUE + 2 * MINUTE).timestamp
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as store:
        yield store


@dataclass
class Ti:
    """What the rule asks of a task instance."""

    previous_end: datetime | None = None
    try_number: int = 1
    dag_id: str = "sweep__s"

    def get_previous_dagrun(self) -> Any:
        return SimpleNamespace(end_date=self.previous_end) if self.previous_end else None


def _context(ti: Ti, run_type: str = "scheduled") -> Any:
    return {"ti": ti, "dag_run": SimpleNamespace(run_type=run_type, run_after=DUE)}


def test_a_night_that_came_after_the_run_before_it_goes_on(store: Store) -> None:
    skip_overlap(_context(Ti(DUE - MINUTE)), store)
    assert overlap(DUE, [DUE - MINUTE, None]) is None


def test_a_night_that_came_while_the_run_before_it_went_on_is_skipped(store: Store) -> None:
    with pytest.raises(AirflowSkipException, match="went on until 2026-11-24 01:31:00"):
        skip_overlap(_context(Ti(DUE + MINUTE)), store)


def test_a_run_by_hand_counts_as_the_run_before(store: Store) -> None:
    store.open_run("sweep__s/manual", "s-1", "s", "local", {}, [])
    store.finish_run("sweep__s/manual", Verdict(statement="done"))
    with pytest.raises(AirflowSkipException, match="until 2026-11-24 01:32:00"):
        skip_overlap(_context(Ti(DUE - MINUTE)), store)


def test_a_plan_that_a_person_has_cleared_is_not_skipped(store: Store) -> None:
    skip_overlap(_context(Ti(DUE + MINUTE, try_number=2)), store)
    assert overlap(DUE, [DUE + MINUTE]) == DUE + MINUTE


def test_a_run_by_hand_is_never_skipped(store: Store) -> None:
    skip_overlap(_context(Ti(DUE + MINUTE), run_type="manual"), store)
    assert overlap(DUE, [DUE + MINUTE]) == DUE + MINUTE
