"""How many slots wait for devices in a worker."""

from hypothesis import given
from hypothesis import strategies as st

from airtune.operators.leasing import warm_places

counts = st.integers(1, 64)


@given(counts, counts)
def test_the_head_of_the_queue_always_waits_in_a_worker(devices: int, parallelism: int) -> None:
    assert warm_places(devices, parallelism) >= 1


@given(counts, counts)
def test_waiting_slots_leave_workers_to_the_trials_in_flight(
    devices: int, parallelism: int
) -> None:
    waiting = warm_places(devices, parallelism)
    assert waiting == 1 or waiting + devices < parallelism


def test_on_a_large_site_there_is_a_warm_worker_for_each_device() -> None:
    assert warm_places(devices=4, parallelism=16) == 4
