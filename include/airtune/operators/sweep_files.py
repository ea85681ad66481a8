"""The sweep folder: which files are sweeps, and what is wrong with those that cannot be."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airtune.errors import AirtuneError, Problem, TaskError
from airtune.operators.sweep import PREFIX, Sweep
from airtune.task.document import MAX_BYTES
from airtune.task.files import SUFFIXES, load_task_data, resolve_task_file

LAUNCHERS = ("local", "docker", "kubernetes", "ome")
"""Launchers with a DAG."""


@dataclass(frozen=True)
class SweepFile:
    """A file with a schedule: a sweep, or what is wrong with it.

    Attributes:
        name: of the file in the sweep folder.
        launcher: of the task; empty if it is broken.
        sweep: None if the file is broken.
        problem: why it is broken; empty if it is not.
    """

    name: str
    launcher: str = ""
    sweep: Sweep | None = None
    problem: str = ""


def read_sweep_files(folder: Path) -> list[SweepFile]:
    """Every task file of ``folder`` that has a schedule, or cannot be read; sorted by name.

    A folder that does not exist has none. Whatever is wrong with one file is told of that file
    and harms no other.
    """
    found = [file for name in names_in(folder) if (file := read_sweep_file(folder, name))]
    return [_alone(file, found) for file in found]


def names_in(folder: Path) -> list[str]:
    """Names of the files that may be task files, sorted."""
    if not folder.is_dir():
        return []
    names = (path.name for path in folder.iterdir() if path.suffix in SUFFIXES)
    return sorted(name for name in names if not name.startswith("."))


def read_sweep_file(folder: Path, name: str) -> SweepFile | None:
    """One file by itself; None for a task file that has no schedule."""
    if not name.isprintable():  # it could not be stored, nor shown
        shown = ascii(name)[1:-1]
        return SweepFile(shown, problem=f"{shown}: Give the file a name of printable characters.")
    try:
        return _read(folder, name)
    except AirtuneError as error:
        return SweepFile(name, problem=str(error))
    # An unforeseen error in one file must not take the nights of all others away.
    except Exception as error:
        return SweepFile(name, problem=f"{name}: {type(error).__name__}: {error}")


def find_sweep_file(folder: Path, dag_id: str) -> SweepFile | None:
    """The sweep whose DAG has this id, found by reading as few files as possible.

    A file that is named like its task is the only one that is read.
    """
    task_name = dag_id.removeprefix(PREFIX)
    names = names_in(folder)
    named_so = [name for name in names if Path(name).stem == task_name]
    others = (
        name for name in names if name not in named_so and _mentions(folder / name, task_name)
    )
    for name in (*named_so, *others):
        file = read_sweep_file(folder, name)
        if file is not None and file.sweep is not None and file.sweep.dag_id == dag_id:
            return file
    return None


def refuse_second_file(folder: Path, name: str, task_name: str) -> None:
    """Refuse a sweep whose task another file of the folder has, too.

    Raises:
        TaskError: names both files.
    """
    others = (other for other in names_in(folder) if other != name)
    for other in others:
        if _mentions(folder / other, task_name):
            file = read_sweep_file(folder, other)
            if file is not None and file.sweep is not None and file.sweep.task_name == task_name:
                raise TaskError([_second(task_name, [name, other])], name)


def broken_dag_ids(files: Sequence[SweepFile]) -> dict[str, str]:
    """File name → id of the DAG that shows what is wrong with it; no id stands twice."""
    taken = {file.sweep.dag_id for file in files if file.sweep is not None}
    found: dict[str, str] = {}
    for name in (file.name for file in files if file.sweep is None):
        stem, whole = (
            PREFIX + re.sub(r"[^A-Za-z0-9._-]+", "-", form)[:200]
            for form in (Path(name).stem, name)
        )
        ids = itertools.chain((stem, whole), (f"{whole}-{number}" for number in itertools.count(2)))
        found[name] = next(dag_id for dag_id in ids if dag_id not in taken)
        taken.add(found[name])
    return found


def _read(folder: Path, name: str) -> SweepFile | None:
    from airtune.task import read_task

    task = read_task(load_task_data(resolve_task_file(name, [folder])), source=name)
    if task.schedule is None:
        return None
    if task.launcher not in LAUNCHERS:
        raise TaskError([_no_dag(task.launcher)], name)
    receivers = tuple(one.model_dump(mode="json", exclude_none=True) for one in task.notify)
    when = task.schedule
    sweep = Sweep(task.task_name, name, when.fields, when.timezone, receivers)
    return SweepFile(name, task.launcher, sweep)


def _alone(file: SweepFile, files: Sequence[SweepFile]) -> SweepFile:
    """The file, broken if another one has the same task name: whose results would be whose?"""
    if file.sweep is None:
        return file
    name = file.sweep.task_name
    same = [one.name for one in files if one.sweep is not None and one.sweep.task_name == name]
    if len(same) == 1:
        return file
    error = TaskError([_second(name, same)], file.name)
    return replace(file, launcher="", sweep=None, problem=str(error))


def _second(task_name: str, names: Sequence[str]) -> Problem:
    listed = " and ".join(sorted(names))
    fix = "Give each file a task_name of its own, or remove the schedule from all but one."
    return Problem("task_name", task_name, f"stands in {listed}.", fix)


def _no_dag(launcher: str) -> Problem:
    fix = f"Write one of: {', '.join(LAUNCHERS)}."
    return Problem("deployment_mode", launcher, "has no DAG that a schedule could start.", fix)


def _mentions(path: Path, word: str) -> bool:
    """Whether the file may name this task; in doubt it does.

    A name can also be written with escapes, which begin with a backslash.
    """
    try:
        if not path.is_file():  # opening a named pipe would wait for ever
            return False
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
    except OSError:
        return False
    return word.encode() in content or b"\\u" in content or b"\\x" in content
