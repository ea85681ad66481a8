import math

import optuna
import pytest

from airtune.errors import AirtuneError
from airtune.records import Failure, FailureClass, Score, TrialState
from airtune.study.mirror import sync_optuna

OOM = Failure(failure_class=FailureClass.OOM, reason="Out of memory.")


@pytest.fixture
def mirrored(store_url):
    """Optuna's own reading of the study ``demo-1``."""
    opened = []

    def load():
        storage = optuna.storages.RDBStorage(
            store_url, skip_compatibility_check=True, skip_table_creation=True
        )
        opened.append(storage)
        return optuna.load_study(study_name="demo-1", storage=storage)

    yield load
    for storage in opened:
        storage.remove_session()
        storage.engine.dispose()


@pytest.fixture
def finish(store, opened_run):
    """Begins and ends a trial: ``finish(slot, parameters, score=…)`` or ``failure=…``."""

    def once(slot, parameters, clears=0, score=None, failure=None):
        from airtune.records import Role

        attempt = store.claim(opened_run, slot, "deploy", clears).attempt
        role = Role.SEARCH if parameters else Role.BASELINE
        store.begin_trial(
            opened_run, slot, attempt, role=role, label="x", parameters=parameters, plan_key="k"
        )
        state = None if failure else TrialState.SUCCEEDED
        told = Score(raw=score, penalty=0, score=score) if score is not None else None
        return store.record_trial(
            opened_run, slot, attempt, state=state, score=told, failure=failure
        )

    return once


def test_optuna_sees_every_finished_trial_once_with_its_score(store, finish, mirrored):
    finish(0, {}, score=10.0)
    finish(1, {"p": 1, "kv": "f16", "list": [1, 2], "none": None}, score=12.5)
    finish(2, {"p": 4, "kv": "q8", "list": [3], "none": 1}, failure=OOM)
    assert sync_optuna(store, "demo-1") == 3
    assert sync_optuna(store, "demo-1") == 0
    study = mirrored()
    assert study.direction is optuna.study.StudyDirection.MAXIMIZE
    assert study.best_trial.user_attrs["trial_id"] == 2
    assert study.best_trial.params == {"p": 1, "kv": "f16", "list": "[1, 2]", "none": None}
    baseline, best, failed = study.get_trials()
    assert (baseline.params, baseline.user_attrs["role"]) == ({}, "baseline")
    assert best.value == 12.5
    assert (failed.state, failed.values) == (optuna.trial.TrialState.FAIL, None)
    assert failed.user_attrs["failure_class"] == "oom"


def test_a_failed_trial_never_becomes_the_best(store, finish, mirrored):
    finish(0, {"p": 1}, score=-3.0)
    finish(1, {"p": 2}, failure=OOM)
    sync_optuna(store, "demo-1")
    study = mirrored()
    assert study.best_value == -3.0
    values = [trial.value for trial in study.get_trials() if trial.value is not None]
    assert all(math.isfinite(value) for value in values)


def test_trials_that_still_run_wait_for_their_end(store, opened_run, begin, mirrored):
    begin(opened_run, 0, store.claim(opened_run, 0, "deploy", 0).attempt)
    assert sync_optuna(store, "demo-1") == 0
    assert mirrored().get_trials() == []


@pytest.mark.parametrize(
    ("first", "later", "how_many"),
    [(1, 8, 1), (1, 1.5, 2), ("f16", "f32", 2)],
)
def test_an_edited_space_goes_on_in_the_same_study(store, finish, mirrored, first, later, how_many):
    """Optuna cannot hold other choices in one study: then its view is made anew."""
    finish(0, {"p": first}, score=1.0)
    assert sync_optuna(store, "demo-1") == 1
    finish(1, {"p": later}, score=2.0)
    assert sync_optuna(store, "demo-1") == how_many
    found = [trial.params["p"] for trial in mirrored().get_trials()]
    assert found == [first, later]
    assert [type(value) for value in found][:1] == [type(found[0])]


def test_a_trial_that_failed_and_then_succeeded_is_shown_as_it_is_now(store, finish, mirrored):
    crash = Failure(failure_class=FailureClass.STARTUP_CRASH, reason="It exited.")
    finish(0, {"p": 1}, failure=crash)
    sync_optuna(store, "demo-1")
    finish(0, {"p": 1}, score=7.0)
    assert sync_optuna(store, "demo-1") == 1
    assert mirrored().best_value == 7.0


def test_an_optuna_study_that_is_not_ours_is_left_alone(store, finish, store_url, mirrored):
    storage = optuna.storages.RDBStorage(store_url)
    foreign = optuna.create_study(storage=storage, study_name="demo-1")
    foreign.add_trial(optuna.trial.create_trial(value=1.0))
    storage.remove_session()
    storage.engine.dispose()
    finish(0, {"p": 1}, score=2.0)
    with pytest.raises(AirtuneError, match="demo-1 was not made by airtune"):
        sync_optuna(store, "demo-1")
    assert mirrored().best_value == 1.0


def test_a_study_without_a_run_is_refused(store):
    with pytest.raises(LookupError, match="demo-1 has no run"):
        sync_optuna(store, "demo-1")


def test_a_busy_mirror_is_not_waited_for_when_that_is_asked(store, finish):
    finish(0, {"p": 1}, score=1.0)
    with store.database.exclusive("optuna"):
        assert sync_optuna(store, "demo-1", wait=False) == 0
    assert sync_optuna(store, "demo-1", wait=False) == 1
