"""The trigger that wakes a waiting slot."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airtune.operators import waiting
from airtune.operators.waiting import LeaseTrigger
from airtune.study.store import Store

POOL = ["cpu1"]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL_S", 0.05)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("AIRTUNE_HOME", str(tmp_path))
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("AIRTUNE_STORE_URL", url)
    with Store.open(url) as store:
        store.open_run("d/1", "s", "t", "local", {}, [{}, {}, {}])
        for slot in range(3):
            attempt = store.claim("d/1", slot, "deploy", 0).attempt
            store.enqueue("d/1", slot, attempt, 1, POOL)
        assert store.try_lease("d/1", 0, 1, 1, POOL, 0)
        yield store


def _fired(trigger: LeaseTrigger, within_s: float) -> Any:
    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    async def wait() -> Any:
        try:
            return await asyncio.wait_for(first(), within_s)
        except TimeoutError:
            return None

    return asyncio.run(wait())


def test_the_next_in_the_queue_is_woken_while_the_device_is_still_held(store: Store) -> None:
    assert _fired(LeaseTrigger("d/1", 1, 1, 1, was_head=False, pool=POOL), 3) is not None


def test_one_that_stands_further_behind_sleeps_on(store: Store) -> None:
    assert _fired(LeaseTrigger("d/1", 2, 1, 1, was_head=False, pool=POOL), 0.3) is None


def test_a_head_that_has_deferred_sleeps_until_a_device_is_free(store: Store) -> None:
    trigger = LeaseTrigger("d/1", 1, 1, 1, was_head=True, pool=POOL)
    assert _fired(trigger, 0.3) is None
    store.release("d/1", 0)
    assert _fired(trigger, 3) is not None


def test_an_error_is_an_event_so_that_the_retry_rules_see_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRTUNE_STORE_URL", "sqlite:////dev/null/store.db")
    event = _fired(LeaseTrigger("d/1", 1, 1, 1, was_head=False, pool=POOL), 3)
    assert "SettingsError" in event.payload["error"]


def test_it_comes_back_from_its_own_serialisation(store: Store) -> None:
    trigger = LeaseTrigger("d/1", 1, 4, 2, was_head=True, pool=POOL)
    path, arguments = trigger.serialize()
    assert path == "airtune.operators.waiting.LeaseTrigger"
    assert LeaseTrigger(**arguments).serialize() == (path, arguments)
