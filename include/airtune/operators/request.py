"""From a DAG run's conf to a task: one inline or named task, and a few overrides."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from airtune.errors import Problem, TaskError
from airtune.settings import Settings

if TYPE_CHECKING:
    from airtune.task import Task

OVERRIDES = {
    "max_iterations": ("optimization", "max_iterations"),
    "timeout_per_iteration": ("optimization", "timeout_per_iteration"),
    "rerun": ("rerun",),
    "model_path": ("model", "root"),
    "namespace": ("model", "namespace"),
    "kubeconfig": ("kubernetes", "kubeconfig"),
    "client": ("benchmark", "client"),
}
"""Scalars of the conf and the task's field that each one replaces."""

KEYS = ("task", "task_file", *OVERRIDES)


def requested_task(
    conf: Mapping[str, Any],
    params: Mapping[str, Any],
    launcher: str,
    settings: Settings,
    sweep: str | None = None,
) -> "Task":
    """The task that a run was asked for.

    Args:
        conf: what the user sent, as it is.
        params: the same merged over the DAG's defaults.
        launcher: the DAG's.
        sweep: the one file of a sweep's DAG; its runs cannot be asked for another task.

    Raises:
        TaskError: with every problem found.
    """
    from airtune.task import load_task_data, read_task, resolve_task_file

    _known_keys(conf, KEYS if sweep is None else tuple(OVERRIDES))
    if sweep is not None:
        data = dict(load_task_data(resolve_task_file(sweep, [settings.sweep_dir])))
        return read_task(_overridden(data, params), launcher=launcher, source=sweep)
    inline, name = params.get("task"), params.get("task_file")
    # A task file is the form's default; an inline task sent by the API replaces it.
    if inline and conf.get("task_file"):
        raise TaskError(
            [Problem("task", None, "both task and task_file are given.", "Send only one.")], "conf"
        )
    if inline:
        data, source = dict(inline), "conf.task"
    elif name:
        path = resolve_task_file(str(name), settings.task_dirs)
        data, source = dict(load_task_data(path)), str(name)
    else:
        fix = 'Send for example {"task_file": "local_smollm2.json"}.'
        raise TaskError([Problem("task", None, "no task is given.", fix)], "conf")
    return read_task(_overridden(data, params), launcher=launcher, source=source)


def _known_keys(conf: Mapping[str, Any], known: tuple[str, ...]) -> None:
    problems = []
    for key in conf:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            fix = f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(known)}."
            problems.append(Problem(f"conf.{key}", conf[key], "unknown key.", fix))
    if problems:
        raise TaskError(problems, "conf")


def _overridden(data: dict[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    for key, path in OVERRIDES.items():
        if params.get(key) is None:
            continue
        target = data
        for part in path[:-1]:
            inner = target.get(part)
            # What is no object is the task's own fault, and is told when the task is read.
            target[part] = dict(inner) if isinstance(inner, Mapping) else inner or {}
            target = target[part]
        if isinstance(target, dict):
            target[path[-1]] = params[key]
    return data
