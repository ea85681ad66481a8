"""Airflow's and airtune's databases both on PostgreSQL, as in production."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airtune.records import TrialState
from airtune.testing.fake_task import fake_task
from airtune.testing.postgres import postgres_server

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.timeout(400)]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}


@pytest.fixture(scope="module")
def finished(make_site: Callable[..., Any]) -> Iterator[Any]:
    """A site on PostgreSQL with one finished run."""
    with postgres_server() as server:
        # Airflow's own async engine wants a driver of its own beside ours.
        airflow = server.create_database("airflow").replace("+psycopg", "+psycopg2")
        site = make_site(
            "fake0..1",
            store_url=server.create_database("airtune"),
            database_url=airflow,
            parallelism=8,
        )
        task = fake_task("pg", parameters={"random_seed": [1, 2], "tp_size": [2]}, rules=[BEST])
        site.api.trigger({"task": task}, "pg")
        assert site.api.wait("pg") == "success"
        yield site
        site.close()


def test_a_run_ends_with_the_right_verdict(finished: Any) -> None:
    trials = finished.trials("pg")
    assert [trial.state for trial in trials] == [TrialState.SUCCEEDED] * 3
    assert finished.api.result("pg")["best"] == "random_seed=1 tp_size=2"


def test_nothing_is_left_of_it(finished: Any) -> None:
    assert finished.left_of("pg") == []
