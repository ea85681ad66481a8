"""Task files: which one is meant, and what stands in it."""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airtune.errors import Problem, TaskError
from airtune.task.document import MAX_BYTES, parse_json
from airtune.task.hints import closest
from airtune.task.read import read_task
from airtune.task.task import Task

SUFFIXES = (".json", ".yaml", ".yml")


def load_task(path: Path, *, launcher: str | None = None) -> Task:
    """Read a task file, JSON or YAML by its suffix.

    Args:
        path: any file; a DAG asks ``resolve_task_file`` first.
        launcher: the DAG's launcher, for a file that does not name one.

    Raises:
        TaskError: the file cannot be read or the task cannot be used.
    """
    return read_task(load_task_data(path), launcher=launcher, source=str(path))


def load_task_data(path: Path) -> Mapping[str, Any]:
    """The data of a task file, read but not checked as a task.

    Raises:
        TaskError: missing, no regular file, too large, no UTF-8, no JSON or YAML, no object.
    """
    source = str(path)
    if path.suffix not in SUFFIXES:
        fix = f"Name it with one of: {', '.join(SUFFIXES)}."
        raise _refused(source, path.name, "is neither JSON nor YAML by its name.", fix)
    text = _read(path)
    if path.suffix == ".json":
        data = parse_json(text, source)
    else:
        from airtune.task.yaml_text import parse_yaml

        data = parse_yaml(text, source)
    if not isinstance(data, dict):
        raise _refused(source, None, "holds no object.", 'Write {"task_name": ..., ...}.')
    return data


def resolve_task_file(name: str, folders: Sequence[Path]) -> Path:
    """The task file ``name`` inside one of ``folders``, the first that has it.

    Args:
        name: relative to a folder, or absolute and inside one.

    Raises:
        TaskError: there is none, or it lies outside (by ``..``, as an absolute path, by a link).
    """
    allowed = ", ".join(str(folder) for folder in folders)
    outside = f"Put it into one of: {allowed}, and name it relative to that (AIRTUNE_TASK_DIRS)."
    if "\0" in name or ".." in Path(name).parts:
        raise _refused(name, name, "leaves the task folders.", outside, "task_file")
    candidates = [(folder.resolve(), (folder / name).resolve()) for folder in folders]
    inside = [found for root, found in candidates if found.is_relative_to(root)]
    for found in inside:
        if found.is_file():
            return found
    # Only by its place, so that the answer does not tell which files exist elsewhere.
    if len(inside) < len(candidates):
        raise _refused(name, name, "lies outside the task folders.", outside, "task_file")
    near = closest(name, _names(folders), 3)
    hint = f"Did you mean {' or '.join(near)}?" if near else outside
    raise _refused(name, name, "is in none of the task folders.", hint, "task_file")


def _read(path: Path) -> str:
    source = str(path)
    try:
        # Not blocking: opening a named pipe would wait for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _refused(source, path.name, "is no regular file.", "Name a task file.")
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = closest(path.name, _names([path.parent]), 3)
        fix = f"Did you mean {' or '.join(near)}?" if near else "Check the path."
        raise _refused(source, path.name, "does not exist.", fix) from None
    except OSError as error:
        fix = "Name a task file that can be read."
        raise _refused(source, path.name, f"cannot be read: {error.strerror}.", fix) from None
    if len(content) > MAX_BYTES:
        fix = "A task is a page or two: give ranges instead of long lists."
        raise _refused(source, path.name, "is larger than 1 MB.", fix)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"is no UTF-8 text (byte {error.start})."
        raise _refused(source, path.name, reason, "Save it as UTF-8.") from None


def _names(folders: Sequence[Path]) -> list[str]:
    return sorted(
        file.name
        for folder in folders
        if folder.is_dir()
        for file in folder.iterdir()
        if file.suffix in SUFFIXES
    )


def _refused(source: str, value: object, reason: str, fix: str, path: str = "file") -> TaskError:
    return TaskError([Problem(path, value, reason, fix)], source)
