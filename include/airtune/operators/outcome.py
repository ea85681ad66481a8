"""What reduce concludes: verdict, files, and the run's result."""

from dataclasses import dataclass
from typing import Any

from airtune.results.conclusion import document_of
from airtune.results.digest import digest
from airtune.results.export import exports
from airtune.results.summary import summary
from airtune.results.write import write_results
from airtune.settings import Settings
from airtune.study.mirror import sync_optuna
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
    document = document_of(store, row, settings)
    task = Task.model_validate(row.task)
    paths = write_results(document, settings, exports(document, task, settings))
    store.finish_run(run, document.verdict)
    sync_optuna(store, row.study)
    result = digest(document, paths["latest"])
    return Outcome(result, summary(document))
