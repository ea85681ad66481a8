"""The trigger that waits for a server which starts slowly."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.launchers.local.serving import READY, begin, spec

from airtune.launchers.local.server import remove
from airtune.operators import starting
from airtune.operators.starting import StartTrigger
from airtune.processes.place import Place

SHORT = READY.short().model_dump(mode="json")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "POLL_S", 0.1)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place.of(tmp_path / "run", "dag/run", 0, 1)
    yield place
    remove(place)


def _waited(trigger: StartTrigger) -> tuple[Any, float]:
    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    began = time.monotonic()
    return asyncio.run(asyncio.wait_for(first(), 20)).payload, time.monotonic() - began


def _trigger(place: Place, for_s: float, **behaviour: Any) -> StartTrigger:
    endpoint = begin(spec(**behaviour), place).model_dump(mode="json")
    return StartTrigger("local", endpoint, SHORT, time.time() + for_s)


def test_it_fires_as_soon_as_the_server_is_ready(place: Place) -> None:
    payload, seconds = _waited(_trigger(place, 60, start_s=0.3))
    assert payload == {}
    assert seconds < 10


def test_it_fires_when_the_time_is_over(place: Place) -> None:
    trigger = _trigger(place, 0.6, never_ready=True)
    payload, seconds = _waited(trigger)
    assert payload == {}
    assert seconds < 10
    assert time.time() >= trigger.deadline


def test_it_fires_when_the_server_has_ended(place: Place) -> None:
    payload, seconds = _waited(_trigger(place, 60, exit_at_start=3))
    assert payload == {}
    assert seconds < 10


def test_an_error_is_an_event_so_that_the_worker_looks_for_itself() -> None:
    payload, _ = _waited(StartTrigger("docker/nowhere", {}, SHORT, time.time() + 60))
    assert "Error" in payload["error"]


def test_it_comes_back_from_its_own_serialisation() -> None:
    trigger = StartTrigger("local", {"base_url": "u"}, SHORT, 5.0)
    path, arguments = trigger.serialize()
    assert path == "airtune.operators.starting.StartTrigger"
    assert StartTrigger(**arguments).serialize() == (path, arguments)
