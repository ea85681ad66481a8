import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from airtune.errors import FencedError, TaskError
from airtune.records import Lease
from airtune.study import tables

GPUS = ["gpu0", "gpu1"]


@pytest.fixture
def ask(store, opened_run):
    """Lets a slot ask once: ``ask(slot, need)``; it enters the slot when it asks first."""
    attempts = {}

    def once(slot, need=1, pool=GPUS):
        if slot not in attempts:
            attempts[slot] = store.claim(opened_run, slot, "deploy", 0).attempt
            store.enqueue(opened_run, slot, attempts[slot], need, pool)
        lease = store.try_lease(opened_run, slot, attempts[slot], need, pool, 0)
        return lease and lease.devices

    return once


def test_devices_are_given_in_the_inventorys_order_until_none_is_left(store, opened_run, ask):
    assert ask(0) == ("gpu0",)
    assert ask(1) == ("gpu1",)
    assert ask(2) is None
    assert store.holders() == [
        Lease(run=opened_run, slot=0, generation=0, devices=("gpu0",), attempt=1),
        Lease(run=opened_run, slot=1, generation=0, devices=("gpu1",), attempt=1),
    ]
    store.release(opened_run, 0)
    assert ask(2) == ("gpu0",)


def test_a_slot_that_needs_two_takes_both_or_none(store, opened_run, ask):
    assert ask(0) == ("gpu0",)
    assert ask(1, need=2) is None
    assert [lease.slot for lease in store.holders()] == [0]
    store.release(opened_run, 0)
    assert ask(1, need=2) == ("gpu0", "gpu1")
    assert [lease.devices for lease in store.holders()] == [("gpu0", "gpu1")]


def test_a_slot_that_needs_two_is_not_starved_by_those_that_need_one(store, opened_run, ask):
    ask(0)
    ask(1)
    assert ask(2, need=2) is None
    for newcomer in (3, 4):
        assert ask(newcomer) is None
    store.release(opened_run, 0)
    assert ask(3) is None, "a free device is kept for the one at the head"
    assert store.position(opened_run, 2) == 0
    assert store.position(opened_run, 3) == 1
    store.release(opened_run, 1)
    assert ask(3) is None
    assert ask(2, need=2) == ("gpu0", "gpu1")


def test_a_ticket_that_nobody_polls_is_passed_over_and_counts_again_when_polled(
    store, opened_run, ask, clock
):
    ask(0)
    ask(1)
    ask(2, need=2)
    ask(3)
    clock.advance(31)
    store.release(opened_run, 0)
    assert store.position(opened_run, 3) == 0
    assert ask(3) == ("gpu0",)
    store.release(opened_run, 3)
    assert store.position(opened_run, 2) == 0, "polled again it has its old place"
    assert ask(4) is None


def test_polling_keeps_a_place_for_as_long_as_it_takes(store, opened_run, ask, clock):
    ask(0)
    ask(1)
    ask(2, need=2)
    for _ in range(10):
        clock.advance(20)
        assert store.position(opened_run, 2) == 0
        assert ask(3) is None
    store.release(opened_run, 0)
    assert ask(3) is None


def test_slots_of_different_pools_do_not_wait_for_each_other(store, opened_run, ask):
    assert ask(0, pool=["gpu0"]) == ("gpu0",)
    assert ask(1, pool=["gpu0"]) is None
    assert ask(2, pool=["gpu1"]) == ("gpu1",)


def test_a_slot_gets_its_own_devices_back_whatever_else_waits(store, opened_run, ask):
    ask(0)
    ask(1)
    ask(2)
    retry = store.claim(opened_run, 0, "deploy", 0).attempt
    store.enqueue(opened_run, 0, retry, 1, GPUS)
    assert store.position(opened_run, 0) == 0
    assert store.try_lease(opened_run, 0, retry, 1, GPUS, 0).devices == ("gpu0",)
    cleared = store.claim(opened_run, 0, "deploy", 1)
    lease = store.try_lease(opened_run, 0, cleared.attempt, 1, GPUS, cleared.generation)
    assert lease == Lease(run=opened_run, slot=0, generation=1, devices=("gpu0",), attempt=3)
    assert lease in store.holders()


def test_an_older_generation_gets_no_devices(store, opened_run):
    claim = store.claim(opened_run, 0, "deploy", 1)
    with pytest.raises(FencedError, match="generation 0 may take no devices"):
        store.try_lease(opened_run, 0, claim.attempt, 1, GPUS, 0)


def test_who_never_stood_in_the_queue_is_put_at_its_end(store, opened_run, ask):
    ask(0)
    ask(1)
    ask(2)
    attempt = store.claim(opened_run, 3, "deploy", 0).attempt
    assert store.position(opened_run, 3) == 1
    assert store.try_lease(opened_run, 3, attempt, 1, GPUS, 0) is None
    store.release(opened_run, 0)
    assert store.try_lease(opened_run, 3, attempt, 1, GPUS, 0) is None
    assert ask(2) == ("gpu0",)


def test_more_than_the_host_has_is_refused_with_the_way_out(store, opened_run):
    attempt = store.claim(opened_run, 0, "deploy", 0).attempt
    for refused in (
        lambda: store.enqueue(opened_run, 0, attempt, 4, GPUS),
        lambda: store.try_lease(opened_run, 0, attempt, 4, GPUS, 0),
    ):
        with pytest.raises(TaskError, match=r"needs 4 devices, this host has 2.*AIRTUNE_DEVICES"):
            refused()


def test_release_gives_up_the_place_in_the_queue_and_may_be_repeated(store, opened_run, ask):
    ask(0)
    ask(1)
    ask(2, need=2)
    ask(3)
    store.release(opened_run, 2)
    store.release(opened_run, 2)
    assert store.position(opened_run, 3) == 0


def test_the_table_itself_refuses_a_second_owner_of_a_device(store, ask):
    ask(0)
    row = {"device": "gpu0", "run": "dag/foreign", "slot": 0, "generation": 0, "attempt": 1}
    with pytest.raises(IntegrityError), store.database.write() as connection:
        connection.execute(insert(tables.leases).values(row))


def test_a_device_taken_behind_the_queues_back_is_not_given_out(store, ask):
    """A writer that takes no part in the queue's lock: the table's key decides."""
    answers = []
    with store.database.write() as connection:
        row = {"device": "gpu0", "run": "dag/foreign", "slot": 0, "generation": 0, "attempt": 1}
        connection.execute(insert(tables.leases).values(row))
        asking = threading.Thread(target=lambda: answers.append(ask(0, pool=["gpu0"])))
        if store.database.postgres:
            asking.start()  # it cannot see the row yet, and waits for it when it inserts its own
            asking.join(0.3)
            assert asking.is_alive()
    if not store.database.postgres:
        asking.start()  # on SQLite it cannot even begin before
    asking.join()
    assert answers == [None]
    assert [lease.run for lease in store.holders()] == ["dag/foreign"]


def test_a_reclaim_takes_exactly_the_lease_that_was_seen(store, opened_run, ask):
    ask(0, need=2)
    (seen,) = store.holders()
    assert not store.reclaim(seen.model_copy(update={"devices": ("gpu0",)}))
    assert not store.reclaim(seen.model_copy(update={"generation": 1}))
    assert not store.reclaim(seen.model_copy(update={"run": "dag/none"}))
    assert store.holders() == [seen]
    assert store.reclaim(seen)
    assert not store.reclaim(seen)
    assert store.holders() == []


def test_a_reclaim_leaves_the_lease_of_a_slot_that_was_entered_again(store, opened_run, ask):
    ask(0)
    (seen,) = store.holders()
    store.claim(opened_run, 0, "benchmark", 0)
    assert not store.reclaim(seen)
    assert [lease.devices for lease in store.holders()] == [("gpu0",)]


STEPS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["ask", "release"])), max_size=20)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(needs=st.lists(st.integers(1, 3), min_size=6, max_size=6), steps=STEPS)
def test_no_device_is_ever_held_twice_and_all_who_wait_are_served(store, opened_run, needs, steps):
    pool = ["gpu0", "gpu1", "gpu2"]
    attempts = {slot: store.claim(opened_run, slot, "deploy", 0).attempt for slot in range(6)}

    def ask(slot):
        return store.try_lease(opened_run, slot, attempts[slot], needs[slot], pool, 0)

    for slot, step in steps:
        if step == "ask":
            ask(slot)
        else:
            store.release(opened_run, slot)
        held = [device for lease in store.holders() for device in lease.devices]
        assert len(held) == len(set(held))
    waiting = set(range(6)) - {lease.slot for lease in store.holders()}
    for _ in range(6):
        for lease in store.holders():
            store.release(lease.run, lease.slot)
        waiting -= {slot for slot in sorted(waiting) if ask(slot)}
    assert not waiting
    for slot in range(6):
        store.release(opened_run, slot)
