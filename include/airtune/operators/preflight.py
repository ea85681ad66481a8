"""What a local run needs of its host, looked at before anything is started."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from airtune.errors import Problem, TaskError
from airtune.settings import Settings

if TYPE_CHECKING:
    from airtune.study.plan import Plan
    from airtune.task import Task


def check_local(task: "Task", plan: "Plan", settings: Settings) -> None:
    """Refuse a task that this host cannot run.

    Raises:
        TaskError: model, tokenizer, engine or client missing, or more devices needed than there
            are.
    """
    problems = [
        *_model(task, settings),
        *_tokenizer(task, settings),
        *_programs(task, settings),
        *_devices(plan, settings),
    ]
    if problems:
        raise TaskError(problems, task.task_name)


def _model(task: "Task", settings: Settings) -> Iterator[Problem]:
    if task.model.path and not (settings.home / task.model.path).exists():
        yield Problem(
            "model.path",
            task.model.path,
            f"there is no such file or folder under {settings.home}.",
            "Run `make env` for the model of the examples, or give the path of yours.",
        )


def _tokenizer(task: "Task", settings: Settings) -> Iterator[Problem]:
    name = task.benchmark.model_tokenizer
    looks_local = name and (name.startswith((".", "/", "var/")) or name.count("/") > 1)
    if name and looks_local and not (settings.home / name).exists():
        yield Problem(
            "benchmark.model_tokenizer",
            name,
            f"there is no such folder under {settings.home}.",
            "Run `make env` for the tokenizer of the examples, or give a folder or a hub id.",
        )


def _programs(task: "Task", settings: Settings) -> Iterator[Problem]:
    command = settings.engine_commands.get(str(task.engine))
    if command is None:
        yield Problem(
            "engine",
            task.engine,
            "this host does not say how to start it as a process.",
            "Set AIRTUNE_ENGINE_COMMANDS, or use docker.",
        )
    elif not _runnable(command[0]):
        yield _missing("engine", command[0])
    if not _runnable(settings.bench_command[0]):
        yield _missing("benchmark", settings.bench_command[0])


def _missing(path: str, program: str) -> Problem:
    return Problem(path, program, "this program is not there.", "Run `make env` to install it.")


def _runnable(program: str) -> bool:
    return shutil.which(program) is not None or Path(program).exists()


def _devices(plan: "Plan", settings: Settings) -> Iterator[Problem]:
    have = len(settings.devices)
    for trial in plan.trials:
        if trial.server.devices > have:
            names = ", ".join(device.name for device in settings.devices)
            yield Problem(
                "parameters",
                trial.label,
                f"needs {trial.server.devices} devices, this host has {have} ({names}).",
                "Take the value out, or add devices to AIRTUNE_DEVICES.",
            )
            return
