from datetime import UTC, datetime

import pytest

from airtune.errors import StudyBusyError
from airtune.records import FailureClass, TrialState, Verdict


def test_a_run_opened_twice_keeps_what_was_stored_first(store, clock):
    first = store.open_run("dag/r", "demo-1", "demo", "local", {"x": 0.9}, [{"label": "a"}])
    clock.advance(5)
    again = store.open_run("dag/r", "demo-1", "demo", "local", {"x": 2}, [])
    assert again == first
    assert store.run("dag/r") == first
    assert first.task == {"x": 0.9}
    assert first.plan == [{"label": "a"}]
    assert first.opened_at == datetime.fromtimestamp(1_000_000, UTC)


def test_an_unknown_run_is_named_in_the_error(store):
    with pytest.raises(LookupError, match="dag/none is not in the store"):
        store.run("dag/none")
    with pytest.raises(LookupError, match="dag/none is not in the store"):
        store.finish_run("dag/none", None)
    with pytest.raises(LookupError, match="demo-9 has no run"):
        store.newest_run("demo-9")


def test_a_run_is_unfinished_until_it_is_finished_and_again_once_it_is_reopened(store, opened_run):
    assert [row.run for row in store.unfinished_runs("demo-1")] == [opened_run]
    store.finish_run(opened_run, None)
    assert store.unfinished_runs("demo-1") == []
    assert store.run(opened_run).finished_at is not None
    store.open_run(opened_run, "demo-1", "demo", "local", {}, [])
    assert [row.run for row in store.unfinished_runs("demo-1")] == [opened_run]


def test_a_second_run_of_a_study_is_refused_where_it_must_be_alone(store, opened_run):
    with pytest.raises(StudyBusyError, match=opened_run):
        store.open_run("dag/two", "demo-1", "demo", "local", {}, [], alone=True)
    with pytest.raises(LookupError):
        store.run("dag/two")
    store.open_run(opened_run, "demo-1", "demo", "local", {}, [], alone=True)
    store.open_run("dag/two", "demo-2", "demo", "local", {}, [], alone=True)
    store.finish_run(opened_run, None)
    store.open_run("dag/three", "demo-1", "demo", "local", {}, [], alone=True)


def test_the_verdict_of_a_study_is_that_of_the_run_that_finished_last(store, clock, opened_run):
    assert store.last_verdict("demo-1") is None
    store.open_run("dag/two", "demo-1", "demo", "local", {}, [])
    old = Verdict(statement="old", measured_at=datetime(2026, 5, 4, tzinfo=UTC))
    new = Verdict(statement="new", winner=3, best=3, feasible=2)
    store.finish_run("dag/two", old)
    clock.advance(1)
    assert store.last_verdict("demo-1") == old
    store.finish_run(opened_run, new)
    assert store.last_verdict("demo-1") == new
    assert store.run(opened_run).verdict == new
    assert store.last_verdict("demo-2") is None


def test_the_run_behind_a_verdict_is_found(store, opened_run):
    assert store.judged_run("demo-1") is None
    store.finish_run(opened_run, Verdict(statement="done"))
    store.open_run("dag/two", "demo-1", "demo", "local", {}, [])
    assert store.judged_run("demo-1").run == opened_run
    assert store.find_run("dag/two").run == "dag/two"
    assert store.find_run("dag/none") is None


def test_finishing_without_a_verdict_keeps_the_stored_one(store, opened_run):
    store.finish_run(opened_run, Verdict(statement="kept"))
    store.finish_run(opened_run, None)
    assert store.run(opened_run).verdict == Verdict(statement="kept")


def test_the_latest_study_of_a_task_is_that_of_its_newest_run(store, clock, opened_run):
    assert store.latest_study("demo") == "demo-1"
    clock.advance(1)
    store.open_run("dag/two", "demo-2", "demo", "local", {"new": True}, [])
    assert store.latest_study("demo") == "demo-2"
    assert store.newest_run("demo-2").task == {"new": True}
    assert store.latest_study("other") is None


def test_a_trial_that_runs_when_its_run_ends_becomes_cancelled(store, opened_run, begin):
    claim = store.claim(opened_run, 0, "deploy", 0)
    begin(opened_run, 0, claim.attempt)
    store.finish_run(opened_run, None)
    trial = store.trial(opened_run, 0)
    assert trial.state is TrialState.FAILED
    assert trial.failure.failure_class is FailureClass.CANCELLED


def test_the_verdict_before_a_run_is_that_of_an_earlier_one(store, clock, opened_run):
    store.finish_run(opened_run, Verdict(statement="first"))
    clock.advance(60)
    store.open_run("dag/two", "demo-1", "demo", "local", {}, [])
    store.finish_run("dag/two", Verdict(statement="second"))
    before = store.judged_run("demo-1", before="dag/two")
    assert before is not None
    assert before.run == opened_run
    assert store.judged_run("demo-1", before=opened_run) is None


def test_the_end_of_a_dags_last_concluded_run_is_known(store, clock):
    assert store.last_end("sweep__a") is None
    for seconds, run in enumerate(["sweep__a/1", "sweep__a/2", "sweep_xa/3", "sweep__ab/4"]):
        clock.advance(seconds)
        store.open_run(run, f"study-{run}", "demo", "local", {}, [])
        store.finish_run(run, Verdict(statement="done"))
        if run == "sweep__a/2":
            ended = clock()
    store.open_run("sweep__a/5", "study-5", "demo", "local", {}, [])
    store.finish_run("sweep__a/5", None)
    end = store.last_end("sweep__a")
    assert end is not None
    assert end.timestamp() == ended, "neither another DAG's, nor of a run without a verdict"


def test_the_launcher_of_each_run_is_known(store, opened_run):
    store.open_run("dag/docker", "demo-2", "demo", "docker/gpu7", {}, [])
    assert store.launchers() == {opened_run: "local", "dag/docker": "docker/gpu7"}
