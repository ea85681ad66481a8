"""What is charged to a trial as the start of its server."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from airtune.errors import TrialFailed
from airtune.operators import serving
from airtune.operators.serving import charge_start
from airtune.records import Endpoint, Failure, FailureClass

ENDPOINT = Endpoint(base_url="http://127.0.0.1:1", model_name="m", trial_id=0)


class _Store:
    def __init__(self) -> None:
        self.added: list[float] = []

    def add_seconds(self, run: str, slot: int, phase: str, seconds: float) -> None:
        assert phase == "start"
        self.added.append(seconds)


def _charged(started_at: float, since: float) -> list[float]:
    slot: Any = SimpleNamespace(
        spec=SimpleNamespace(run="dag/run", slot=0),
        store=_Store(),
        launcher=SimpleNamespace(started_at=lambda endpoint: started_at),
    )
    charge_start(slot, ENDPOINT, since=since)
    added: list[float] = slot.store.added
    return added


def test_a_server_that_begins_when_it_is_ordered_is_charged_from_then_on() -> None:
    assert _charged(0.0, time.time() - 7) == [pytest.approx(7, abs=0.5)]


def test_waiting_for_room_in_a_cluster_is_not_charged() -> None:
    now = time.time()
    assert _charged(now - 3, now - 60) == [pytest.approx(3, abs=0.5)]


def test_a_server_that_has_not_begun_is_not_charged_at_all() -> None:
    assert _charged(float("inf"), time.time() - 60) == []


def test_a_server_that_began_before_is_charged_for_this_wait_only() -> None:
    now = time.time()
    assert _charged(now - 600, now - 2) == [pytest.approx(2, abs=0.5)]


@pytest.mark.parametrize(
    ("started_at", "charged"), [(0.0, [60.0]), (1057.0, [3.0]), (float("inf"), [])]
)
def test_a_failed_start_is_charged_from_the_servers_begin(
    started_at: float, charged: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of waiting for room would leave the retry no time to measure."""
    clock, failure = iter([1000.0, 1060.0]), Failure(failure_class=FailureClass.OOM, reason="x")

    def ensure(*asked: Any) -> Endpoint:
        raise TrialFailed(failure, started_at)

    order: Any = SimpleNamespace()
    monkeypatch.setattr(serving, "time", SimpleNamespace(time=lambda: next(clock)))
    monkeypatch.setattr(serving, "order_of", lambda slot, trial: order)
    monkeypatch.setattr(serving, "replace", lambda order, devices: order)
    slot: Any = SimpleNamespace(
        spec=SimpleNamespace(run="dag/run", slot=0),
        store=_Store(),
        pool=(),
        place=SimpleNamespace(take_over=lambda: None),
        launcher=SimpleNamespace(ensure=ensure),
    )
    holding: Any = SimpleNamespace(devices=())
    with pytest.raises(TrialFailed):
        serving.ensure(slot, holding, holding)
    assert slot.store.added == charged
