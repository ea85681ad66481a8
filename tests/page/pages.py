"""Documents and files for the tests of the page."""

from pathlib import Path
from typing import Any

from tests.results.samples import a_document

from airtune.results.document import ResultsDocument
from airtune.results.write import results_json


def changed(**fields: Any) -> ResultsDocument:
    """The sample document with other fields."""
    return a_document().model_copy(update=fields)


def stored(folder: Path, name: str, **fields: Any) -> Path:
    """The sample document as the results file of a task of that name."""
    path = folder / f"{name}_results.json"
    path.write_text(results_json(changed(task_name=name, **fields)), encoding="utf-8")
    return path
