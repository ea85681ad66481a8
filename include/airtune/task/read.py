"""Data → ``Task``: filled in, checked field by field, then as a whole."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from airtune.errors import Problem, TaskError
from airtune.task.checks import check
from airtune.task.complete import completed
from airtune.task.document import data_problems
from airtune.task.names import LAUNCHERS
from airtune.task.task import Task
from airtune.task.translate import problems_of


def read_task(
    data: Mapping[str, Any], *, launcher: str | None = None, source: str = "task"
) -> Task:
    """Read a task in the seed's form, its successor's or airtune's own.

    Args:
        data: JSON data; it is not changed.
        launcher: the DAG's launcher; a task that names another one is refused.
        source: what errors call the task, for example the file's name.

    Raises:
        TaskError: with every problem found.
    """
    if not isinstance(data, Mapping):
        fix = 'Write {"task_name": ..., "model": ..., ...}.'
        raise TaskError([Problem("task", data, "is no object.", fix)], source)
    problems = data_problems(data)
    if problems:
        raise TaskError(problems, source)
    filled = completed(data, launcher)
    elsewhere = _of_another_launcher(filled, launcher)
    try:
        task = Task.model_validate(filled)
    except ValidationError as error:
        raise TaskError([*elsewhere, *problems_of(error, filled)], source) from None
    problems = [*elsewhere, *check(task)]
    if problems:
        raise TaskError(problems, source)
    return task


def _of_another_launcher(data: Mapping[str, Any], launcher: str | None) -> list[Problem]:
    key = "deployment_mode" if "deployment_mode" in data else "launcher"
    named = data[key]
    if launcher is None or named == launcher or named not in LAUNCHERS:
        return []
    return [
        Problem(
            key,
            named,
            f"is not what autotune_{launcher} does.",
            f'Run it with autotune_{named}, or write "{launcher}".',
        )
    ]
