"""``airtune results``: trials and verdict of a task, from the store or from a results file."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from airtune.cli.screen import print_verdict
from airtune.errors import Problem, TaskError
from airtune.records import Trial, Verdict
from airtune.results.build import build
from airtune.results.document import ResultsDocument, TrialResult
from airtune.results.launch_command import launch_command
from airtune.results.provenance import provenance
from airtune.results.table import ordered
from airtune.results.write import latest_file, read_results, results_json
from airtune.scoring.verdict import decide, repeated
from airtune.settings import Settings
from airtune.study.identity import study_id
from airtune.study.plan import PlannedTrial
from airtune.study.runs import RunRow
from airtune.study.store import Store
from airtune.task import Task, load_task, load_task_data

_LAUNCH_PORT = 8000


def show_results(what: str, *, as_json: bool) -> None:
    """Print the newest run of a task: ``what`` is a task file, a results file or a task name.

    A run that was stopped before its verdict is judged from what the store has.

    Raises:
        TaskError: nothing of that name has been run, or the file cannot be used.
    """
    settings = Settings.load()
    document = _from_file(Path(what)) or _from_store(what, settings)
    if as_json:
        print(results_json(document), end="")
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{document.task_name}: run {document.run_id}", markup=False)
    latest = latest_file(document.task_name, settings)
    print_verdict(console, _result(document, latest if latest.exists() else None))


def document_of(store: Store, row: RunRow, settings: Settings) -> ResultsDocument:
    """The document of one run as the store knows it now."""
    task = Task.model_validate(row.task)
    trials = list(_used_trials(store, row))
    return build(
        task,
        row.study,
        row.run,
        [PlannedTrial.model_validate(item["trial"]) for item in row.plan],
        trials,
        _verdict(store, row, task, trials),
        provenance(task, settings),
    )


def _from_file(path: Path) -> ResultsDocument | None:
    """A results file; None for anything else."""
    if path.suffix != ".json" or not path.is_file():
        return None
    if "schema_version" not in load_task_data(path):
        return None
    try:
        return read_results(path)
    except ValueError as error:
        fix = "It is of another version of airtune; name the task instead."
        problem = Problem("file", path.name, f"is no results file that can be read: {error}.", fix)
        raise TaskError([problem], str(path)) from None


def _from_store(what: str, settings: Settings) -> ResultsDocument:
    path = Path(what)
    with Store.open(settings.store_url) as store:
        # A name may look like a path; what has a task file's suffix is meant as one.
        is_file = path.suffix in {".json", ".yaml", ".yml"}
        study = study_id(load_task(path)) if is_file else store.latest_study(what)
        try:
            row = store.newest_run(study) if study else None
        except LookupError:
            row = None
        if row is None:
            fix = "Run it first: airtune run FILE. (AIRTUNE_STORE_URL says which store is read.)"
            raise TaskError([Problem("task", what, "has no run in the store.", fix)], "results")
        return document_of(store, row, settings)


def _used_trials(store: Store, row: RunRow) -> Iterator[Trial]:
    newest = {trial.slot: trial for trial in store.trials(run=row.run)}
    yield from newest.values()
    reused = {item["reused"] for item in row.plan if item["reused"] is not None}
    yield from (trial for trial in store.trials(study=row.study) if trial.trial_id in reused)


def _verdict(store: Store, row: RunRow, task: Task, trials: list[Trial]) -> Verdict:
    if row.verdict is not None:
        return row.verdict
    nothing_new = all(item["reused"] is not None for item in row.plan)
    last = store.last_verdict(row.study) if nothing_new else None
    return decide(trials, task) if last is None else repeated(last)


def _result(document: ResultsDocument, latest: Path | None) -> dict[str, object]:
    """The same shape as what ``reduce`` returns, so that both look the same."""
    rows = ordered(document)
    best = next((t for t in rows if t.trial_id == document.verdict.best), None)
    return {
        "verdict": document.verdict.model_dump(mode="json"),
        "unit": document.objective.unit,
        "launch_command": launch_command(best.argv, port=_LAUNCH_PORT)
        if best and best.trial_id is not None and best.argv
        else None,
        "results": str(latest) if latest else None,
        "table": [_row(trial) for trial in rows],
    }


def _row(trial: TrialResult) -> dict[str, object]:
    seconds = trial.seconds
    return {
        "trial_id": trial.trial_id,
        "label": trial.label,
        "state": trial.state.value,
        "failure": trial.failure.failure_class.value if trial.failure else None,
        "score": trial.score.score if trial.score else None,
        "gain_pct": trial.gain_pct,
        "seconds": seconds.start + seconds.warm_up + seconds.benchmark,
    }
