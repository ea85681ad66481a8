import pytest
from tests.scoring.samples import a_task, a_trial, at, both, failed

from airtune.records import Failure, FailureClass, TrialState, ValidityFlag
from airtune.scoring.judge import judge, reusable_on, reusable_under

STRICT = a_task(constraints={"ttft_ms": 50})
MILD = a_task(constraints={"ttft_ms": 5000})


def test_a_good_trial_gets_its_score() -> None:
    trial = judge(a_trial(1, *both()), a_task())
    assert trial.state is TrialState.SUCCEEDED
    assert trial.score is not None
    assert trial.score.raw == pytest.approx(1000)


def test_a_stored_trial_is_held_against_the_bounds_of_today() -> None:
    trial = judge(judge(a_trial(1, *both()), a_task()), STRICT)
    assert trial.state is TrialState.INFEASIBLE
    assert trial.score is None
    assert trial.failure is not None
    assert trial.failure.failure_class is FailureClass.SLO


def test_a_trial_measured_to_the_end_returns_when_its_bound_is_loosened() -> None:
    broken = judge(a_trial(1, *both()), STRICT)
    assert judge(broken, MILD).state is TrialState.SUCCEEDED
    assert reusable_under(broken, MILD)
    assert reusable_under(broken, STRICT)


def test_a_trial_that_stopped_at_an_old_bound_has_to_be_measured_again() -> None:
    stopped = failed(1, FailureClass.SLO, at(1))
    judged = judge(stopped, MILD)
    assert judged.state is TrialState.INFEASIBLE
    assert judged.score is None
    assert not reusable_under(stopped, MILD)
    assert reusable_under(stopped, STRICT)


@pytest.mark.parametrize(
    "failure_class", [FailureClass.OOM, FailureClass.OVERLOAD, FailureClass.UNHEALTHY]
)
def test_a_failure_is_never_promoted_whatever_was_measured(failure_class: FailureClass) -> None:
    trial = failed(1, failure_class, *both(latency=1))
    assert judge(trial, a_task()).state is failure_class.state
    assert judge(trial, a_task()).score is None


def test_only_settled_trials_are_reusable() -> None:
    assert reusable_under(failed(1, FailureClass.OOM), a_task())
    assert not reusable_under(failed(1, FailureClass.UNHEALTHY), a_task())
    assert not reusable_under(a_trial(1, at(1)), a_task())


def test_a_success_without_all_its_load_points_is_a_failure_that_says_which() -> None:
    trial = judge(a_trial(1, at(1, validity=(ValidityFlag.WRONG_LENGTH,))), a_task())
    assert trial.state is TrialState.FAILED
    assert trial.failure == Failure(
        failure_class=FailureClass.BENCHMARK_ERROR,
        reason="No score, because not every load point has a valid figure "
        "(D(100,100)@1: wrong_length; D(100,100)@4: not measured).",
    )


def test_the_devices_that_a_trial_held_divide_its_throughput() -> None:
    task = a_task("maximize_throughput")
    trial = judge(a_trial(1, *both(tokens=80), devices=("gpu0", "gpu1")), task)
    assert trial.score is not None
    assert trial.score.raw == pytest.approx(40)


def test_only_a_trial_of_the_image_that_would_run_now_is_used_again() -> None:
    trial = a_trial(1, *both(), identity={"image_digest": "sha256:1"})
    assert reusable_on(trial, "sha256:1")
    assert not reusable_on(trial, "sha256:2")
    assert not reusable_on(trial, None), "the tag may mean anything by now"
    assert not reusable_on(a_trial(1, *both()), None), "two unknowns are not the same"


def test_the_first_trial_of_an_image_has_a_score() -> None:
    first = (ValidityFlag.FIRST_OF_DIGEST,)
    trial = judge(a_trial(1, at(1, validity=first), at(4, validity=first)), a_task())
    assert trial.state is TrialState.SUCCEEDED
    assert trial.score is not None
