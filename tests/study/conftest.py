"""Every test that takes ``store_url`` runs on SQLite and on PostgreSQL."""

import multiprocessing
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airtune.records import Distribution, Measurement, Role, Trial
from airtune.study.store import Store
from airtune.testing.postgres import postgres_server, provision


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    given = os.environ.get("AIRTUNE_TEST_POSTGRES_URL")
    if given:
        yield given.replace("postgresql://", "postgresql+psycopg://")
        return
    if os.environ.get("PROVISION") == "1":
        provision()
    with postgres_server() as server:
        yield server.url()


@pytest.fixture
def postgres_schema(postgres_url: str) -> Iterator[str]:
    """URL of an empty schema of its own."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    name = f"airtune_test_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
        separator = "&" if "?" in postgres_url else "?"
        yield f"{postgres_url}{separator}options=-csearch_path%3D{name}"
        connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(name)))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/airtune.db"
    url: str = request.getfixturevalue("postgres_schema")
    return url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(store_url: str, clock: Clock) -> Iterator[Store]:
    with Store.open(store_url, clock=clock) as opened:
        yield opened


@pytest.fixture
def opened_run(store: Store) -> str:
    """Name of an open run of study ``demo-1`` with a plan of four trials."""
    plan = [{"label": f"trial {slot}"} for slot in range(4)]
    task = {"optimization": {"objective": "maximize_throughput"}}
    return store.open_run("dag/one", "demo-1", "demo", "local", task, plan).run


@pytest.fixture
def begin(store: Store) -> Callable[..., Trial]:
    """Begins a search trial in a slot: ``begin(run, slot, attempt, seed=1)``."""

    def begin_trial(
        run: str, slot: int, attempt: int, role: Role = Role.SEARCH, **parameters: int
    ) -> Trial:
        return store.begin_trial(
            run,
            slot,
            attempt,
            role=role,
            label=f"slot {slot}",
            parameters=parameters or {"seed": slot},
            plan_key=f"key {parameters or slot}",
            argv=("llama-server", "--seed", str(slot)),
        )

    return begin_trial


@pytest.fixture
def measurement() -> Measurement:
    spread = Distribution(mean=10.0, p50=9.5, p90=12.0, p95=13.0, p99=20.0)
    return Measurement(
        scenario="D(32,16)",
        concurrency=2,
        seconds=12.5,
        requests=40,
        completed=39,
        errors={"500": 1},
        error_rate=0.025,
        ttft_ms=spread,
        tpot_ms=spread,
        e2e_latency_ms=spread,
        output_tokens_per_s=80.0,
    )


@pytest.fixture(scope="session")
def at_once() -> Callable[..., list[Any]]:
    """Calls a function in as many processes as there are arguments, all at the same moment.

    Returns what the calls returned, in the order of the arguments; an exception as its repr.
    """

    def call_all(function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
        context = multiprocessing.get_context("fork")
        work = list(arguments)
        barrier, answers = context.Barrier(len(work)), context.SimpleQueue()

        def call(index: int) -> None:
            barrier.wait(20)
            try:
                answers.put((index, function(work[index])))
            except Exception as error:
                answers.put((index, repr(error)))

        processes = [context.Process(target=call, args=(index,)) for index in range(len(work))]
        for process in processes:
            process.start()
        found = dict(answers.get() for _ in processes)
        for process in processes:
            process.join(20)
        return [found[index] for index in range(len(work))]

    return call_all
