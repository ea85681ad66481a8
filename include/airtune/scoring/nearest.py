"""Where nothing is feasible: which trial came closest, and what it missed."""

from collections.abc import Sequence

from airtune.records import Trial, TrialState
from airtune.scoring.feasible import Violation, violations
from airtune.scoring.words import clause, configuration
from airtune.task import Task


def nearest_miss(trials: Sequence[Trial], task: Task) -> str | None:
    """One clause such as ``exp3 (tp-size=2): p99 TTFT 612 ms at D(100,100)@4, 22 % beyond …``.

    A trial measured at all its load points comes before one that stopped early, then the one
    whose worst violation is smallest. Where no trial broke a bound, the one that got furthest.

    Returns:
        None when no trial was started.
    """
    tried = [trial for trial in trials if trial.state is not TrialState.MISSING]
    if not tried:
        return None
    broken = [(trial, violations(trial.load_points, task)) for trial in tried]
    missed = [(trial, found[0]) for trial, found in broken if found]
    if missed:
        trial, worst = min(missed, key=lambda item: _distance(item[0], item[1], task))
        return f"{_named(trial)}: {worst}"
    trial = min(tried, key=lambda trial: (_unmeasured(trial, task), trial.trial_id))
    measured = len(task.load_points) - _unmeasured(trial, task)
    reached = f"{measured} of {len(task.load_points)} load points measured"
    if trial.failure is None:
        return f"{_named(trial)}: {reached}, {trial.state}"
    failure = trial.failure
    return f"{_named(trial)}: {reached}, then {failure.failure_class} ({clause(failure.reason)})"


def _distance(trial: Trial, worst: Violation, task: Task) -> tuple[int, float, int]:
    return _unmeasured(trial, task), worst.excess, trial.trial_id


def _unmeasured(trial: Trial, task: Task) -> int:
    scored = {point.load_point for point in trial.load_points if point.scorable}
    return sum(point not in scored for point in task.load_points)


def _named(trial: Trial) -> str:
    return f"exp{trial.trial_id} ({configuration(trial.parameters)})"
