"""Folders of a host that a task may have mounted: a task is not trusted."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING

from airtune.errors import Problem
from airtune.settings import Settings

if TYPE_CHECKING:
    from airtune.task import Task

_SYSTEM = ("/boot", "/dev", "/etc", "/proc", "/run", "/sys", "/var/lib/docker", "/var/run")


def allowed_root(task: "Task", settings: Settings) -> Iterator[Problem]:
    """A task is not trusted: of the engine's host it sees what the installation's owner named."""
    root = task.model.root
    if root is not None and not below_a_root(root, settings):
        yield outside("model.root", root, settings)


def below_a_root(path: str, settings: Settings) -> bool:
    """Whether a folder is, or lies in, one that the installation allows tasks to mount."""
    allowed = (settings.model_root, *settings.model_roots)
    return any(_normal(path).is_relative_to(_normal(one)) for one in allowed)


def outside(field: str, path: str, settings: Settings) -> Problem:
    """The problem of a folder that is not below one of them."""
    allowed = ", ".join((settings.model_root, *settings.model_roots))
    return Problem(
        field,
        path,
        f"models may be mounted from {allowed} only, and from folders below.",
        "Name it in AIRTUNE_MODEL_ROOTS of Airflow's workers, or put the model there.",
    )


def _normal(path: str) -> PurePosixPath:
    return PurePosixPath("/" + normpath(path).lstrip("/"))  # two slashes at the begin would stay


def system_folder(task: "Task", settings: Settings, *more: str) -> Iterator[Problem]:
    """A folder of the system: what is mounted gives its sockets, too.

    Args:
        more: further paths that are never mounted.
    """
    model = task.model
    if model.in_image or model.hub_id:
        return
    folder = _normal(f"{model.root or settings.model_root}/{folder_name(task)}")
    for other in map(PurePosixPath, (*_SYSTEM, *more)):
        if folder.is_relative_to(other) or other.is_relative_to(folder):
            yield Problem(
                "model.root",
                str(folder),
                f"{other} is no place for models and is never mounted, nor what it lies in.",
                "Put the model below AIRTUNE_MODEL_ROOT or another folder of its own.",
            )
            return


def folder_name(task: "Task") -> str:
    """The model's folder or file below the model root."""
    return task.model.id_or_path or task.model.name
