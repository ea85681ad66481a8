import pytest

from airtune.errors import FencedError
from airtune.records import FailureClass, TrialState
from airtune.study.slots import Claim


def test_each_entry_is_a_new_attempt_of_the_same_generation(store, opened_run):
    assert store.current(opened_run, 0) == Claim(0, 0)
    assert store.claim(opened_run, 0, "deploy", 0) == Claim(0, 1)
    assert store.claim(opened_run, 0, "deploy", 0) == Claim(0, 2)
    assert store.claim(opened_run, 0, "benchmark", 0) == Claim(0, 3)
    assert store.claim(opened_run, 1, "deploy", 0) == Claim(0, 1)
    assert store.current(opened_run, 0) == Claim(0, 3)


def test_a_slot_of_an_unknown_run_cannot_be_entered(store):
    with pytest.raises(LookupError, match="dag/none"):
        store.claim("dag/none", 0, "deploy", 0)


def test_a_cleared_run_opens_one_new_generation_for_all_its_tasks(store, opened_run, begin):
    for task in ("deploy", "benchmark", "teardown"):
        store.claim(opened_run, 0, task, 0)
    deploy = store.claim(opened_run, 0, "deploy", 1)
    assert deploy == Claim(1, 4, renewed=True)
    begin(opened_run, 0, deploy.attempt)
    assert store.claim(opened_run, 0, "benchmark", 1).generation == 1
    assert store.claim(opened_run, 0, "teardown", 1).generation == 1
    assert store.claim(opened_run, 0, "deploy", 1).generation == 1, "a retry, not a clear"


def test_a_benchmark_cleared_alone_opens_a_generation_of_its_own(store, opened_run, begin):
    deploy = store.claim(opened_run, 0, "deploy", 0)
    begin(opened_run, 0, deploy.attempt)
    benchmark = store.claim(opened_run, 0, "benchmark", 0)
    store.record_trial(opened_run, 0, benchmark.attempt, state=TrialState.SUCCEEDED)
    store.claim(opened_run, 0, "teardown", 0)
    assert store.claim(opened_run, 0, "benchmark", 1) == Claim(1, 4, renewed=True)
    retry = store.claim(opened_run, 0, "benchmark", 1)
    assert retry == Claim(1, 5, renewed=True), "killed before its trial began"
    begin(opened_run, 0, retry.attempt)
    assert store.claim(opened_run, 0, "benchmark", 1) == Claim(1, 6), "it stays in it"
    assert store.claim(opened_run, 0, "teardown", 1) == Claim(1, 7)


def test_a_trial_of_a_generation_that_was_cleared_while_running_is_closed(store, opened_run, begin):
    old = begin(opened_run, 0, store.claim(opened_run, 0, "deploy", 0).attempt)
    new = begin(opened_run, 0, store.claim(opened_run, 0, "deploy", 1).attempt)
    assert new.trial_id != old.trial_id
    first, second = store.trials(run=opened_run)
    assert (first.state, first.failure.failure_class) == (
        TrialState.FAILED,
        FailureClass.CANCELLED,
    )
    assert second == new
    assert store.trial(opened_run, 0) == new


def test_everything_an_older_attempt_writes_is_refused(store, opened_run, begin, measurement):
    old = store.claim(opened_run, 0, "deploy", 0).attempt
    begin(opened_run, 0, old)
    store.claim(opened_run, 0, "benchmark", 0)
    before = store.trial(opened_run, 0)
    writes = [
        lambda: begin(opened_run, 0, old),
        lambda: store.record_measurement(opened_run, 0, old, 0, measurement),
        lambda: store.record_trial(opened_run, 0, old, state=TrialState.SUCCEEDED),
        lambda: store.enqueue(opened_run, 0, old, 1, ["gpu0"]),
        lambda: store.try_lease(opened_run, 0, old, 1, ["gpu0"], 0),
        lambda: store.release(opened_run, 0, attempt=old),
    ]
    for write in writes:
        with pytest.raises(FencedError, match="attempt 1 may not write, attempt 2 is current"):
            write()
    assert store.trial(opened_run, 0) == before
    assert store.holders() == []


def test_an_attempt_from_nowhere_is_refused(store, opened_run):
    with pytest.raises(FencedError):
        store.record_trial(opened_run, 3, 1, state=TrialState.SUCCEEDED)


def test_taking_over_succeeds_only_against_the_attempt_that_was_seen(store, opened_run):
    seen = store.claim(opened_run, 0, "deploy", 0).attempt
    assert store.take_over(opened_run, 0, seen) == Claim(0, 2)
    assert store.take_over(opened_run, 0, seen) is None
    assert store.take_over(opened_run, 1, 0) is None
    assert store.current(opened_run, 0) == Claim(0, 2)
