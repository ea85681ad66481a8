"""A stored trial under the task as it is now.

SLO, constraints and minimum gain can be edited while a study goes on, and trials of earlier runs
are used again: what was feasible under the old bounds may not be under the new ones.
"""

from airtune.records import Failure, FailureClass, Trial, TrialState
from airtune.scoring.feasible import infeasibility
from airtune.scoring.score import score_trial, unusable_points
from airtune.task import Task


def judge(trial: Trial, task: Task) -> Trial:
    """The trial with state, failure and score as this task's bounds make them.

    Nothing is promoted that was not measured to the end: a failed trial stays failed, one that
    broke an older bound stays infeasible unless all its load points are there.
    """
    if not _open_to_judgement(trial):
        return trial.model_copy(update={"score": None})
    broken = infeasibility(trial.load_points, task)
    if broken is not None:
        return _with(trial, TrialState.INFEASIBLE, broken)
    score = score_trial(trial.load_points, task, device_count(trial))
    if score is not None:
        return trial.model_copy(
            update={"state": TrialState.SUCCEEDED, "failure": None, "score": score}
        )
    if trial.state is TrialState.INFEASIBLE:
        return trial.model_copy(update={"score": None})
    return _with(trial, TrialState.FAILED, _unscored(trial, task))


def device_count(trial: Trial) -> int:
    """How many devices the trial held, ≥ 1; a launcher without leases records as many names."""
    return max(1, len(trial.devices))


def reusable_under(trial: Trial, task: Task) -> bool:
    """True when this task's answer about the trial needs no new measurement.

    False for a trial that stopped at a bound which no longer holds it back: its other load points
    were never measured.
    """
    judged = judge(trial, task)
    if judged.state is TrialState.SUCCEEDED:
        return True
    if judged.state is not TrialState.INFEASIBLE:
        return False
    by_bounds = trial.failure is not None and trial.failure.failure_class is FailureClass.SLO
    return not by_bounds or infeasibility(trial.load_points, task) is not None


def reusable_on(trial: Trial, digest: str | None) -> bool:
    """True when the trial ran on the image that its reference means now.

    Args:
        digest: what the engine that would run it has under the reference; None if it has nothing,
            or could not be asked: then a tag may have moved, and the trial is measured anew.
    """
    return digest is not None and trial.identity.get("image_digest") == digest


def _open_to_judgement(trial: Trial) -> bool:
    if trial.state is TrialState.SUCCEEDED:
        return True
    by_bounds = trial.failure is not None and trial.failure.failure_class is FailureClass.SLO
    return trial.state is TrialState.INFEASIBLE and by_bounds


def _with(trial: Trial, state: TrialState, failure: Failure) -> Trial:
    return trial.model_copy(update={"state": state, "failure": failure, "score": None})


def _unscored(trial: Trial, task: Task) -> Failure:
    points = unusable_points(trial.load_points, task, device_count(trial))
    listed = "; ".join(f"{key}: {reason}" for key, reason in points.items())
    return Failure(
        failure_class=FailureClass.BENCHMARK_ERROR,
        reason=f"No score, because not every load point has a valid figure ({listed}).",
    )
