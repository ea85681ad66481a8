from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import inspect, select, text, update

from airtune.records import Measurement, Trial, TrialState
from airtune.study import tables
from airtune.study.database import Database
from airtune.study.migration import STEPS
from airtune.study.store import Store


@pytest.fixture
def version_1(
    store_url: str,
    store: Store,
    opened_run: str,
    begin: Callable[..., Trial],
    measurement: Measurement,
) -> str:
    """URL of a store as the first version made it, with one measured trial."""
    attempt = store.claim(opened_run, 0, "deploy", 0).attempt
    begin(opened_run, 0, attempt)
    store.record_measurement(opened_run, 0, attempt, 0, measurement)
    store.record_trial(opened_run, 0, attempt, state=TrialState.SUCCEEDED)
    with store.database.write() as connection:
        connection.execute(text("ALTER TABLE airtune_trials DROP COLUMN identity"))
        connection.execute(update(tables.schema).values(version=1))
    store.close()
    return store_url


def test_a_store_of_version_1_is_opened_and_keeps_its_trials(
    version_1: str, measurement: Measurement
) -> None:
    with Store.open(version_1) as store:
        (trial,) = store.trials(study="demo-1")
        assert trial.identity == {}
        assert trial.state is TrialState.SUCCEEDED
        assert trial.load_points == (measurement,)
        attempt = store.claim("dag/one", 0, "benchmark", 0).attempt
        store.record_trial("dag/one", 0, attempt, identity={"image_digest": "sha256:1"})
        assert store.trials()[0].identity == {"image_digest": "sha256:1"}


def test_after_it_the_columns_are_those_of_this_version(version_1: str) -> None:
    database = Database(version_1)
    with database.read() as connection:
        found = inspect(connection).get_columns("airtune_trials")
        version = connection.execute(select(tables.schema.c.version)).scalar_one()
    database.close()
    assert version == tables.VERSION
    assert {column["name"]: column["nullable"] for column in found} == {
        column.name: column.nullable for column in tables.trials.columns
    }


def test_several_processes_may_open_an_old_store_at_once(
    version_1: str, at_once: Callable[..., list[Any]]
) -> None:
    def count(_: int) -> int:
        with Store.open(version_1) as store:
            return len(store.trials())

    assert at_once(count, range(6)) == [1] * 6


def test_every_older_version_has_a_step_to_the_next() -> None:
    assert sorted(STEPS) == list(range(1, tables.VERSION))
