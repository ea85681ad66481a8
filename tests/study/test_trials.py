import math

import pytest
from sqlalchemy.exc import StatementError

from airtune.records import Failure, FailureClass, PhaseSeconds, Role, Score, TrialState

CRASH = Failure(
    failure_class=FailureClass.STARTUP_CRASH, reason="It exited.", log_tail="bad\x00 ünd → \x1b[0m"
)
OOM = Failure(failure_class=FailureClass.OOM, reason="Out of memory.")
SCORE = Score(raw=80.5, penalty=0.25, score=64.4, per_load_point={"D(32,16)@2": 80.5})


@pytest.fixture
def attempt(store, opened_run):
    return store.claim(opened_run, 0, "deploy", 0).attempt


def test_a_trial_comes_back_as_it_was_recorded(store, opened_run, attempt, clock, measurement):
    begun = store.begin_trial(
        opened_run,
        0,
        attempt,
        role=Role.BASELINE,
        label="defaults",
        parameters={"a": 1, "b": 1.0, "c": True, "d": None, "e": ["x", 2, 0.9], "f": "0.9"},
        plan_key="key",
        devices=("gpu0", "gpu1"),
    )
    assert begun.state is TrialState.RUNNING
    clock.advance(10)
    store.record_measurement(opened_run, 0, attempt, 1, measurement)
    store.record_measurement(
        opened_run, 0, attempt, 0, measurement.model_copy(update={"concurrency": 1})
    )
    recorded = store.record_trial(
        opened_run,
        0,
        attempt,
        state=TrialState.SUCCEEDED,
        score=SCORE,
        argv=("llama-server", "--alias", "a b"),
        effective={"n_ctx": 512},
        files={"server_log": "/tmp/x.log"},
        seconds={"start": 1.5},
        identity={"image_digest": "sha256:1", "first_of_digest": True},
    )
    assert recorded == store.trial(opened_run, 0) == store.trials(study="demo-1")[0]
    assert recorded.trial_id == 1
    assert [type(value) for value in recorded.parameters.values()] == [
        int,
        float,
        bool,
        type(None),
        list,
        str,
    ]
    assert recorded.parameters == begun.parameters
    assert [point.concurrency for point in recorded.load_points] == [1, 2]
    assert recorded.load_points[1] == measurement
    assert recorded.score == SCORE
    assert recorded.devices == ("gpu0", "gpu1")
    assert recorded.argv == ("llama-server", "--alias", "a b")
    assert recorded.seconds == PhaseSeconds(start=1.5)
    assert begun.identity == {}
    assert recorded.identity == {"image_digest": "sha256:1", "first_of_digest": True}
    assert recorded.measured_at.timestamp() == 1_000_010


def test_recording_the_same_twice_changes_nothing(store, opened_run, attempt, begin, measurement):
    begin(opened_run, 0, attempt)
    for _ in range(2):
        begin(opened_run, 0, attempt)
        store.record_measurement(opened_run, 0, attempt, 0, measurement)
        store.record_trial(
            opened_run, 0, attempt, state=TrialState.SUCCEEDED, seconds={"benchmark": 3.0}
        )
    (trial,) = store.trials()
    assert trial.load_points == (measurement,)
    assert trial.seconds.benchmark == 3.0
    assert trial.state is TrialState.SUCCEEDED


def test_a_partial_record_leaves_the_rest(store, opened_run, attempt, begin):
    begin(opened_run, 0, attempt)
    store.record_trial(opened_run, 0, attempt, files={"server_log": "a"}, devices=("cpu1",))
    trial = store.record_trial(opened_run, 0, attempt, files={"client": "b"})
    assert trial.files == {"server_log": "a", "client": "b"}
    assert trial.devices == ("cpu1",)
    assert trial.argv == ("llama-server", "--seed", "0")
    assert trial.state is TrialState.RUNNING


def test_a_failed_trial_runs_again_under_the_same_id(
    store, opened_run, attempt, begin, measurement
):
    first = begin(opened_run, 0, attempt)
    store.record_measurement(opened_run, 0, attempt, 0, measurement)
    failed = store.record_trial(opened_run, 0, attempt, failure=CRASH)
    assert (failed.state, failed.failure) == (TrialState.FAILED, CRASH)
    retry = store.claim(opened_run, 0, "deploy", 0).attempt
    again = store.begin_trial(
        opened_run, 0, retry, role=Role.SEARCH, label="x", parameters={}, plan_key="x"
    )
    assert again == first.model_copy(
        update={"load_points": (measurement,), "measured_at": again.measured_at}
    )


@pytest.mark.parametrize(
    "result", [{"state": TrialState.SUCCEEDED, "score": SCORE}, {"failure": OOM}]
)
def test_a_trial_with_a_result_is_not_opened_again(store, opened_run, attempt, begin, result):
    begin(opened_run, 0, attempt)
    recorded = store.record_trial(opened_run, 0, attempt, **result)
    retry = store.claim(opened_run, 0, "deploy", 0).attempt
    assert begin(opened_run, 0, retry) == recorded


def test_a_digest_is_known_once_another_trial_was_measured_on_it(
    store, opened_run, attempt, begin, measurement
):
    begun = begin(opened_run, 0, attempt)
    identity = {"image_digest": "sha256:1", "host": "gpu7"}
    asker = ("demo", begun.trial_id + 1)
    store.record_trial(opened_run, 0, attempt, identity=identity)
    assert not store.knows_digest("sha256:1", "gpu7", besides=asker), "nothing is measured yet"
    store.record_measurement(opened_run, 0, attempt, 0, measurement)
    store.record_trial(opened_run, 0, attempt, state=TrialState.SUCCEEDED)
    assert store.knows_digest("sha256:1", "gpu7", besides=asker)
    assert store.knows_digest("sha256:1", "gpu7", besides=("other", begun.trial_id))
    assert not store.knows_digest("sha256:1", "gpu7", besides=("demo", begun.trial_id))
    assert not store.knows_digest("sha256:1", "", besides=asker), "another host compiles anew"
    assert not store.knows_digest("sha256:2", "gpu7", besides=asker)


@pytest.mark.parametrize("identity", [{"image_digest": "sha256:1"}, {}])
def test_a_host_needs_no_name_and_a_trial_no_identity(
    store, opened_run, attempt, begin, measurement, identity
):
    begin(opened_run, 0, attempt)
    store.record_measurement(opened_run, 0, attempt, 0, measurement)
    store.record_trial(opened_run, 0, attempt, failure=OOM, identity=identity)
    assert store.knows_digest("sha256:1", "", besides=("demo", 2)) is bool(identity)


def test_success_after_a_failure_clears_it(store, opened_run, attempt, begin):
    begin(opened_run, 0, attempt)
    store.record_trial(opened_run, 0, attempt, failure=CRASH)
    assert store.record_trial(opened_run, 0, attempt, state=TrialState.SUCCEEDED).failure is None


def test_failures_are_kept_one_an_attempt(store, opened_run, attempt, begin):
    begin(opened_run, 0, attempt)
    store.record_trial(opened_run, 0, attempt, failure=CRASH)
    store.record_trial(opened_run, 0, attempt, failure=CRASH)
    retry = store.claim(opened_run, 0, "deploy", 0).attempt
    begin(opened_run, 0, retry)
    store.record_trial(opened_run, 0, retry, failure=OOM)
    assert store.failures_of(opened_run, 0, 0) == [FailureClass.STARTUP_CRASH, FailureClass.OOM]
    assert store.failures_of(opened_run, 0, 1) == []


def test_nothing_can_be_recorded_before_the_trial_has_begun(
    store, opened_run, attempt, measurement
):
    with pytest.raises(LookupError, match="begin_trial comes first"):
        store.record_measurement(opened_run, 0, attempt, 0, measurement)
    with pytest.raises(LookupError, match="begin_trial comes first"):
        store.record_trial(opened_run, 0, attempt, state=TrialState.SUCCEEDED)
    assert store.trial(opened_run, 0) is None


def test_seconds_add_up_and_may_come_before_the_trial(store, opened_run, attempt, begin):
    store.add_seconds(opened_run, 0, "lease_wait", 1.5)
    store.add_seconds(opened_run, 0, "lease_wait", 2.0)
    assert begin(opened_run, 0, attempt).seconds == PhaseSeconds(lease_wait=3.5)
    store.claim(opened_run, 0, "deploy", 1)
    store.add_seconds(opened_run, 0, "lease_wait", 7.0)
    assert store.trials()[0].seconds.lease_wait == 3.5, "those of the newer generation are its own"


def test_trial_ids_count_by_task_name_across_studies(store, opened_run, begin):
    store.open_run("dag/edited", "demo-2", "demo", "local", {}, [])
    store.open_run("dag/other", "other-1", "other", "local", {}, [])
    ids = []
    for run, slot in [(opened_run, 0), ("dag/edited", 0), ("dag/other", 0), (opened_run, 1)]:
        ids.append(begin(run, slot, store.claim(run, slot, "deploy", 0).attempt).trial_id)
    assert ids == [1, 2, 1, 3]
    assert [trial.trial_id for trial in store.trials(study="demo-1")] == [1, 3]
    assert [trial.trial_id for trial in store.trials(run="dag/edited")] == [2]
    assert store.trials(study="demo-1", run="dag/edited") == []


def test_the_newest_search_trial_with_a_result_is_reused(store, opened_run, begin):
    def finish(slot, clears, role=Role.SEARCH, **result):
        attempt = store.claim(opened_run, slot, "deploy", clears).attempt
        begin(opened_run, slot, attempt, role, p=slot)
        return store.record_trial(opened_run, slot, attempt, **result)

    finish(0, 0, state=TrialState.SUCCEEDED)
    newest = finish(0, 1, state=TrialState.SUCCEEDED)
    finish(0, 2, failure=CRASH)
    infeasible = finish(1, 0, failure=OOM)
    finish(2, 0, failure=CRASH)
    finish(3, 0, Role.BASELINE, state=TrialState.SUCCEEDED)
    keys = [f"key {{'p': {slot}}}" for slot in range(5)]
    assert store.reusable("demo-1", keys) == {keys[0]: newest, keys[1]: infeasible}
    assert store.reusable("demo-1", keys[1:2]) == {keys[1]: infeasible}
    assert store.reusable("demo-1", []) == {}
    assert store.reusable("demo-2", keys) == {}


def test_a_finalist_counts_as_the_newest_figure_and_a_failed_one_takes_it_away(
    store, opened_run, begin
):
    def finish(slot, role, **fields):
        attempt = store.claim(opened_run, slot, "deploy", 0).attempt
        begin(opened_run, slot, attempt, role=role, p=0)
        return store.record_trial(opened_run, slot, attempt, **fields)

    key = "key {'p': 0}"
    finish(0, Role.SEARCH, state=TrialState.SUCCEEDED)
    finalist = finish(1, Role.FINALIST, state=TrialState.SUCCEEDED)
    finish(2, Role.SEARCH, failure=CRASH)
    assert store.reusable("demo-1", [key]) == {key: finalist}
    finish(3, Role.FINALIST, failure=CRASH)
    assert store.reusable("demo-1", [key]) == {}


def test_what_is_no_json_number_is_refused_and_nothing_is_stored(store, opened_run, attempt):
    with pytest.raises((StatementError, ValueError), match="not JSON compliant"):
        store.begin_trial(
            opened_run,
            0,
            attempt,
            role=Role.SEARCH,
            label="x",
            parameters={"p": math.nan},
            plan_key="k",
        )
    assert store.trials() == []
