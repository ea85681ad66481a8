"""Plan, store and verdict joined into the results document."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airtune.records import PhaseSeconds, Score, Trial, TrialState, Verdict
from airtune.results.document import (
    ObjectiveResult,
    Provenance,
    ResultsDocument,
    RunSeconds,
    TrialResult,
    WinnerResult,
)
from airtune.results.duplicates import same_as
from airtune.results.start_command import start_command
from airtune.results.trial_result import Planned, missing, trial_result
from airtune.scoring.hardware import comparable
from airtune.scoring.judge import device_count, judge
from airtune.scoring.objectives import Objective, objective_of
from airtune.scoring.score import score_trial
from airtune.settings import Settings
from airtune.task import Task


def build(
    task: Task,
    study: str,
    run: str,
    planned: Sequence[Planned],
    trials: Sequence[Trial],
    verdict: Verdict,
    provenance: Provenance | Mapping[str, Any],
    seconds: float | None = None,
    *,
    settings: Settings,
    written_at: datetime | None = None,
) -> ResultsDocument:
    """The document of one run.

    Args:
        planned: the plan; each of its slots without a trial appears as ``missing``.
        trials: those of this run, and those of earlier runs that the verdict uses.
        provenance: what ``results.provenance`` found, or the same from elsewhere.
        seconds: wall-clock seconds of the run so far; None if not known.
        settings: where models and hosts are, for commands to be typed by hand.
        written_at: now, unless given.
    """
    judged = [judge(trial, task) for trial in sorted(trials, key=lambda t: t.trial_id)]
    objective = objective_of(task)
    reference = _reference(judged, verdict, task)
    compared = {trial.trial_id for trial in comparable(judged)[0]}
    items = list(_in_order(run, planned, judged))
    same = same_as([item for item in items if isinstance(item, Trial)])

    def shown(trial: Trial) -> TrialResult:
        gain = None
        if trial.score is not None and reference is not None and trial.trial_id in compared:
            gain = objective.gain_pct(reference.raw, trial.score.raw)
        return trial_result(
            trial,
            run,
            same_as=same.get(trial.trial_id),
            gain_pct=gain,
            launch_command=start_command(trial, task, settings),
        )

    return ResultsDocument(
        task_name=task.task_name,
        study=study,
        run_id=run,
        written_at=written_at or datetime.now(UTC),
        objective=_told(objective),
        verdict=verdict,
        baseline=verdict.baseline,
        winner=_winner(judged, verdict, task, settings),
        trials=tuple(shown(item) if isinstance(item, Trial) else item for item in items),
        seconds=_totals([trial for trial in judged if trial.run == run], seconds),
        provenance=Provenance.model_validate(provenance),
    )


def _told(objective: Objective) -> ObjectiveResult:
    return ObjectiveResult(
        name=objective.name,
        metric=objective.metric.name,
        statistic=objective.statistic,
        direction=objective.direction.value,
        unit=objective.unit,
    )


def _in_order(
    run: str, planned: Sequence[Planned], trials: Sequence[Trial]
) -> Iterator[Trial | TrialResult]:
    # A cleared slot has several trials: the newest is the slot's, the plan knows no other.
    by_slot = {trial.slot: trial for trial in trials if trial.run == run}
    elsewhere = [trial for trial in trials if trial.run != run]
    known = {(trial.role, trial.plan_key) for trial in elsewhere}
    for slot, plan in enumerate(planned):
        if slot in by_slot:
            yield by_slot[slot]
        elif (plan.role, plan.plan_key) not in known:
            yield missing(slot, plan, run)
    yield from (by_slot[slot] for slot in sorted(by_slot) if slot >= len(planned))
    yield from elsewhere


def _reference(judged: Sequence[Trial], verdict: Verdict, task: Task) -> Score | None:
    for trial in judged:
        if trial.trial_id == verdict.baseline and trial.state is not TrialState.FAILED:
            return trial.score or score_trial(trial.load_points, task, device_count(trial))
    return None


def _winner(
    judged: Sequence[Trial], verdict: Verdict, task: Task, settings: Settings
) -> WinnerResult | None:
    for trial in judged:
        if trial.trial_id == verdict.winner and trial.score is not None:
            return WinnerResult(
                trial_id=trial.trial_id,
                parameters=trial.parameters,
                score=trial.score,
                gain=verdict.gain,
                launch_command=start_command(trial, task, settings) or "",
            )
    return None


def _totals(trials: Sequence[Trial], run_seconds: float | None) -> RunSeconds:
    sums = {
        phase: sum(getattr(trial.seconds, phase) for trial in trials)
        for phase in PhaseSeconds.model_fields
    }
    return RunSeconds(**sums, run=run_seconds)
