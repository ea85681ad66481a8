"""What reduce concludes: trials joined with the plan, verdict, files, and the run's result."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airtune.records import Failure, FailureClass, Trial, TrialState, Verdict
from airtune.results.build import build
from airtune.results.document import ResultsDocument, TrialResult
from airtune.results.launch_command import launch_command
from airtune.results.provenance import provenance
from airtune.results.summary import summary
from airtune.results.write import write_results
from airtune.scoring.verdict import decide, repeated
from airtune.settings import Settings
from airtune.study.mirror import sync_optuna
from airtune.study.plan import PlannedTrial
from airtune.study.runs import RunRow
from airtune.study.store import Store
from airtune.task import Task


@dataclass(frozen=True)
class Outcome:
    """A concluded run.

    Attributes:
        result: the run's result as JSON: verdict, table and where the files lie.
        summary: Markdown for the log.
    """

    result: dict[str, Any]
    summary: str


def conclude(store: Store, settings: Settings, run: str) -> Outcome:
    """Decide, write the files, mark the run finished."""
    row = store.run(run)
    task = Task.model_validate(row.task)
    trials = list(used_trials(store, row))
    verdict = _verdict(store, row, task, trials)
    document = build(
        task,
        row.study,
        run,
        [PlannedTrial.model_validate(item["trial"]) for item in row.plan],
        trials,
        verdict,
        provenance(task, settings),
        seconds=(datetime.now(UTC) - row.opened_at).total_seconds(),
    )
    paths = write_results(document, settings)
    store.finish_run(run, verdict)
    sync_optuna(store, row.study)
    return Outcome(_result(task, row, document, verdict, str(paths["latest"])), summary(document))


def used_trials(store: Store, row: RunRow) -> Iterator[Trial]:
    """The trials that the run's verdict uses: its slots' newest, and the re-used ones."""
    newest = {trial.slot: trial for trial in store.trials(run=row.run)}
    yield from (_ended(trial) for trial in newest.values())
    reused = {item["reused"] for item in row.plan}
    yield from (t for t in store.trials(study=row.study) if t.trial_id in reused)


def _ended(trial: Trial) -> Trial:
    """A trial still marked running has no task any more: it was stopped without a result."""
    if trial.state is not TrialState.RUNNING:
        return trial
    failure = Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason="The trial's task ended without a result; see its log in Airflow.",
    )
    return trial.model_copy(update={"state": TrialState.FAILED, "failure": failure})


def _verdict(store: Store, row: RunRow, task: Task, trials: list[Trial]) -> Verdict:
    nothing_new = all(item["reused"] is not None for item in row.plan)
    last = store.last_verdict(row.study) if nothing_new else None
    return decide(trials, task) if last is None else repeated(last)


def _result(
    task: Task, row: RunRow, document: ResultsDocument, verdict: Verdict, path: str
) -> dict[str, Any]:
    shown = {trial.trial_id: trial for trial in document.trials if trial.trial_id is not None}
    best = shown.get(verdict.best) if verdict.best is not None else None
    reused = sum(item["reused"] is not None for item in row.plan)
    return {
        "verdict": verdict.model_dump(mode="json"),
        "best": best.label if best else None,
        "unit": document.objective.unit,
        "launch_command": launch_command(best.argv, task.env, port=8000) if best else None,
        "results": path,
        "measured": len(row.plan) - reused,
        "reused": reused,
        "table": [_table_row(trial) for trial in document.trials],
    }


def _table_row(trial: TrialResult) -> dict[str, Any]:
    seconds = trial.seconds
    return {
        "trial_id": trial.trial_id,
        "label": trial.label,
        "role": str(trial.role),
        "state": str(trial.state),
        "failure": str(trial.failure.failure_class) if trial.failure else None,
        "score": trial.score.score if trial.score else None,
        "raw": trial.score.raw if trial.score else None,
        "gain_pct": trial.gain_pct,
        "seconds": round(seconds.start + seconds.warm_up + seconds.benchmark, 1),
    }
