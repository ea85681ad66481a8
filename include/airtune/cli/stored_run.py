"""The run that a task name or a task file stands for."""

from pathlib import Path

from airtune.errors import Problem, TaskError
from airtune.study.identity import study_id
from airtune.study.runs import RunRow
from airtune.study.store import Store
from airtune.task import load_task


def newest_run(what: str, store: Store) -> RunRow:
    """The newest run of a task; ``what`` is a task file or a task name.

    Raises:
        TaskError: nothing of that name has been run, or the file cannot be used.
    """
    path = Path(what)
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
    return row
