"""The answer of a run: a winner, or that nothing beats the baseline, or that nothing is feasible.

The default is replaced only by a configuration that ranks best under the penalised score *and*
gains at least ``min_gain_pct`` on the raw metric.
"""

import re
from collections.abc import Sequence

from airtune.records import Gain, Role, Score, Trial, TrialState, Verdict
from airtune.scoring.contenders import contenders
from airtune.scoring.gain import gain_over
from airtune.scoring.hardware import comparable
from airtune.scoring.judge import device_count, judge
from airtune.scoring.nearest import nearest_miss
from airtune.scoring.objectives import Objective, objective_of
from airtune.scoring.score import score_trial
from airtune.scoring.statement import Findings, statement
from airtune.task import Task

_REPEATED = "Nothing new was measured; the verdict of {when} stands: "
_REPEATED_RE = re.compile(r"^Nothing new was measured; the verdict of .+? stands: ")


def decide(trials: Sequence[Trial], task: Task, *, run: str | None = None) -> Verdict:
    """The verdict over these trials: those of the run and those of earlier runs that it uses.

    Each trial is judged again under the task as it is now; one that ran on another GPU product
    than the baseline is left out. The order of ``trials`` does not matter.

    Args:
        trials: a trial of state ``missing`` stands for a slot that has none; it is only counted.
        run: the run that declares the winner; baselines of other runs are then left out, since
            machine and neighbours may have changed. None: the newest baseline of any run.
    """
    here = [t for t in trials if run is None or t.run == run or t.role is not Role.BASELINE]
    judged, elsewhere = comparable([judge(trial, task) for trial in contenders(here)])
    objective = objective_of(task)
    ranking = ranked(judged, objective)
    best = ranking[0] if ranking else None
    baseline = next((trial for trial in judged if _is_baseline(trial)), None)
    reference = _raw_score(baseline, task)
    gain = None
    if best is not None and best.score is not None and reference is not None:
        gain = gain_over(reference, best.score, task, objective)
    replaces = _replaces(best, baseline, gain, task.optimization.min_gain_pct)
    findings = Findings(
        objective=objective,
        min_gain_pct=task.optimization.min_gain_pct,
        trials=judged,
        elsewhere=elsewhere,
        best=best,
        baseline=baseline,
        reference=reference,
        gain=gain,
        replaces=replaces,
        nearest_miss=None if ranking else nearest_miss(judged, task),
    )
    return Verdict(
        statement=statement(findings),
        winner=best.trial_id if best is not None and replaces else None,
        best=best.trial_id if best is not None else None,
        baseline=baseline.trial_id if baseline is not None else None,
        gain=gain,
        provisional=True,
        feasible=len(ranking),
        nearest_miss=findings.nearest_miss,
        measured_at=max((t.measured_at for t in judged if t.measured_at), default=None),
    )


def ranked(judged: Sequence[Trial], objective: Objective) -> list[Trial]:
    """The feasible, scored trials, best first by penalised score.

    Among equals the baseline comes first (a change must be worth it), then the older trial.
    """

    def place(trial: Trial, score: Score) -> tuple[float, bool, int]:
        key = -score.score if objective.maximize else score.score
        return key, trial.role is not Role.BASELINE, trial.trial_id

    scored = [
        (place(trial, trial.score), trial)
        for trial in judged
        if trial.state is TrialState.SUCCEEDED and trial.score is not None
    ]
    return [trial for _, trial in sorted(scored, key=lambda item: item[0])]


def repeated(verdict: Verdict) -> Verdict:
    """The stored verdict of a study for a run that found nothing new to measure, with its date."""
    when = "an earlier run"
    if verdict.measured_at is not None:
        when = f"{verdict.measured_at:%Y-%m-%d %H:%M %Z}".rstrip()
    original = _REPEATED_RE.sub("", verdict.statement)
    return verdict.model_copy(update={"statement": _REPEATED.format(when=when) + original})


def _is_baseline(trial: Trial) -> bool:
    return trial.role is Role.BASELINE and trial.state is not TrialState.MISSING


def _raw_score(baseline: Trial | None, task: Task) -> Score | None:
    """What the baseline measured, even where it breaks a bound: a gain needs only the figure."""
    if baseline is None or baseline.state is TrialState.FAILED:
        return None
    return baseline.score or score_trial(baseline.load_points, task, device_count(baseline))


def _replaces(
    best: Trial | None, baseline: Trial | None, gain: Gain | None, min_gain_pct: float
) -> bool:
    if best is None or best.role is Role.BASELINE:
        return False
    if baseline is None or baseline.state is not TrialState.SUCCEEDED or gain is None:
        return True  # nothing feasible to keep
    return gain.pct > 0 and gain.pct >= min_gain_pct
