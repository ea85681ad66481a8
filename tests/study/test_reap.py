import pytest

from airtune.records import FailureClass, TrialState
from airtune.study.reap import reap

GPUS = ["gpu0", "gpu1"]


@pytest.fixture
def leased(store, opened_run, begin):
    """Slots 0 and 1 hold a device each and run a trial."""
    for slot in (0, 1):
        attempt = store.claim(opened_run, slot, "deploy", 0).attempt
        store.try_lease(opened_run, slot, attempt, 1, GPUS, 0)
        begin(opened_run, slot, attempt)
    return opened_run


def probe(*answers):
    return lambda run, slot: answers[slot]


def nothing(run, slot, attempt):
    """There is nothing to remove."""


def test_a_dead_owners_devices_come_back_after_what_it_left_is_gone(store, leased):
    removed = []

    def remove(run, slot, attempt):
        assert [lease.slot for lease in store.holders()] == [0, 1], "still held while removing"
        removed.append((run, slot, attempt))

    (reaped,) = reap(store, probe("dead", "alive"), remove)
    assert reaped.reclaimed
    assert removed == [(leased, 0, 2)]
    assert [lease.slot for lease in store.holders()] == [1]
    closed = store.trial(leased, 0)
    assert closed.state is TrialState.FAILED
    assert closed.failure.failure_class is FailureClass.INFRASTRUCTURE
    assert store.trial(leased, 1).state is TrialState.RUNNING


def test_an_unknown_owner_is_left_alone_unless_forced(store, leased):
    (reaped,) = reap(store, probe("unknown", "alive"), nothing)
    assert not reaped.reclaimed
    assert "--force" in reaped.reason
    assert len(store.holders()) == 2
    (reaped,) = reap(store, probe("unknown", "alive"), nothing, force=True)
    assert reaped.reclaimed


def test_leases_of_other_devices_than_asked_for_are_not_looked_at(store, leased):
    (reaped,) = reap(store, probe("dead", "dead"), nothing, pool=["gpu1", "gpu7"])
    assert reaped.lease.devices == ("gpu1",)
    assert [lease.devices for lease in store.holders()] == [("gpu0",)]


def test_a_living_owner_is_left_alone_even_when_forced(store, leased):
    assert reap(store, probe("alive", "alive"), nothing, force=True) == []
    assert len(store.holders()) == 2


def test_the_lease_stays_while_something_survives_and_others_are_reaped(store, leased):
    def remove(run, slot, attempt):
        if slot == 0:
            raise TimeoutError("process 7 survived")

    stuck, done = reap(store, probe("dead", "dead"), remove)
    assert not stuck.reclaimed
    assert "process 7 survived" in stuck.reason
    assert done.reclaimed
    assert [lease.slot for lease in store.holders()] == [0]
    assert reap(store, probe("dead", "dead"), nothing)[0].reclaimed, "the next time it can be"


def test_a_retry_that_begins_before_the_removal_keeps_its_lease_unfenced(store, leased):
    retries = {}

    def look(run, slot):
        retries[slot] = store.claim(run, slot, "deploy", 0).attempt
        return "dead"

    def remove(run, slot, attempt):
        raise AssertionError("the slot lives")

    assert not any(reaped.reclaimed for reaped in reap(store, look, remove))
    assert store.try_lease(leased, 0, retries[0], 1, GPUS, 0).devices == ("gpu0",)


def test_a_retry_that_begins_during_the_removal_keeps_its_lease(store, leased):
    retries = {}

    def remove(run, slot, attempt):
        retries[slot] = store.claim(run, slot, "deploy", 0).attempt

    assert not any(reaped.reclaimed for reaped in reap(store, probe("dead", "dead"), remove))
    assert store.try_lease(leased, 1, retries[1], 1, GPUS, 0).devices == ("gpu1",)
    assert store.trial(leased, 1).state is TrialState.RUNNING


def test_a_finished_trial_stays_as_it_is(store, leased):
    attempt = store.claim(leased, 0, "benchmark", 0).attempt
    recorded = store.record_trial(leased, 0, attempt, state=TrialState.SUCCEEDED)
    assert reap(store, probe("dead", "alive"), nothing)[0].reclaimed
    assert store.trial(leased, 0) == recorded
