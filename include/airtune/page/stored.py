"""The results files as the page finds them: by task name, inside one folder, nowhere else."""

import logging
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from airtune.results.document import ResultsDocument
from airtune.results.write import read_results
from airtune.task.text import file_name

_SUFFIX = "_results.json"
_log = logging.getLogger(__name__)


def task_names(folder: Path) -> list[str]:
    """Names of the tasks with a results file in ``folder``, sorted; none if it is missing."""
    if not folder.is_dir():
        return []
    names = (path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))
    return sorted(name for name in names if results_path(name, folder) is not None)


def results_path(name: str, folder: Path) -> Path | None:
    """The results file of a task; None if it has none or ``name`` can be no task's name.

    A file that leads out of the folder (a symbolic link) counts as none.
    """
    try:
        path = folder / f"{file_name(name)}{_SUFFIX}"
    except ValueError:
        return None
    inside = path.resolve().is_relative_to(folder.resolve())
    return path if inside and path.is_file() else None


def read_task(name: str, folder: Path) -> ResultsDocument | None:
    """The results of a task; None if there are none or the file cannot be read.

    The reason for the latter is logged and told to nobody: it may quote what the file contains,
    and who may see that is only known from the file.
    """
    path = results_path(name, folder)
    if path is None:
        return None
    try:
        status = path.stat()
        return _read(path, status.st_mtime_ns, status.st_size, status.st_ino)
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read: %s", path, error)
        return None


def read_all(folder: Path) -> Iterator[tuple[str, ResultsDocument | None]]:
    """Every task with its results, None where the file cannot be read."""
    for name in task_names(folder):
        yield name, read_task(name, folder)


@lru_cache(maxsize=64)
def _read(path: Path, *_version: int) -> ResultsDocument:
    # A new file has another inode and time, so an entry can be old but never wrong.
    return read_results(path)
