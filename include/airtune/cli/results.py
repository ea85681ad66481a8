"""``airtune results``: trials and verdict of a task, from the store or from a results file."""

from pathlib import Path

from airtune.cli.console import open_console
from airtune.cli.screen import print_verdict
from airtune.cli.stored_run import newest_run
from airtune.errors import Problem, TaskError
from airtune.results.conclusion import document_of
from airtune.results.digest import digest
from airtune.results.document import ResultsDocument
from airtune.results.write import latest_file, read_results, results_json
from airtune.settings import Settings
from airtune.study.store import Store
from airtune.task import load_task_data


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
    console = open_console()
    console.print(f"{document.task_name}: run {document.run_id}")
    latest = latest_file(document.task_name, settings)
    print_verdict(console, digest(document, latest if latest.exists() else None))


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
    with Store.open(settings.store_url) as store:
        return document_of(store, newest_run(what, store), settings)
