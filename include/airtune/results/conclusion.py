"""A run concluded from plan and store: the trials it uses, its verdict, its document."""

from collections.abc import Iterator
from datetime import UTC, datetime

from airtune.records import Failure, FailureClass, ParamValue, Trial, TrialState, Verdict
from airtune.results.build import build
from airtune.results.document import ResultsDocument
from airtune.results.provenance import provenance
from airtune.scoring.verdict import decide, repeated
from airtune.settings import Settings
from airtune.study.plan import PlannedTrial
from airtune.study.runs import RunRow
from airtune.study.store import Store
from airtune.task import Task


def document_of(store: Store, row: RunRow, settings: Settings) -> ResultsDocument:
    """The document of one run as the store knows it now; a stored verdict is kept."""
    task = Task.model_validate(row.task)
    trials = list(used_trials(store, row))
    verdict = row.verdict or _verdict(store, row, task, trials)
    host = row.launcher.partition("/")[2]
    return build(
        task,
        row.study,
        row.run,
        [PlannedTrial.model_validate(item["trial"]) for item in row.plan],
        trials,
        verdict,
        provenance(task, settings, host=host, identity=_identity(trials, verdict)),
        seconds=((row.finished_at or datetime.now(UTC)) - row.opened_at).total_seconds(),
        settings=settings,
    )


def _identity(trials: list[Trial], verdict: Verdict) -> dict[str, ParamValue]:
    """What the winner ran on, else the baseline, else whichever trial knows."""
    known = {trial.trial_id: trial.identity for trial in trials if trial.identity}
    for trial_id in (verdict.winner, verdict.baseline, *known):
        if trial_id in known:
            return known[trial_id]
    return {}


def used_trials(store: Store, row: RunRow) -> Iterator[Trial]:
    """The trials that the run's verdict uses: its slots' newest, and the re-used ones."""
    newest = {trial.slot: trial for trial in store.trials(run=row.run)}
    yield from (_ended(trial) for trial in newest.values())
    reused = {item["reused"] for item in row.plan if item["reused"] is not None}
    yield from (t for t in store.trials(study=row.study) if t.trial_id in reused)


def _ended(trial: Trial) -> Trial:
    """A trial still marked running when its run is concluded has no result."""
    if trial.state is not TrialState.RUNNING:
        return trial
    failure = Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason="The trial has no result: its task goes on, or ended without one; see its log.",
    )
    return trial.model_copy(update={"state": TrialState.FAILED, "failure": failure})


def _verdict(store: Store, row: RunRow, task: Task, trials: list[Trial]) -> Verdict:
    nothing_new = all(item["reused"] is not None for item in row.plan)
    last = store.last_verdict(row.study) if nothing_new else None
    return decide(trials, task) if last is None else repeated(last)
