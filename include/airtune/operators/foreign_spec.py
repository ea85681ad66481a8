"""Specs that a task brings for OME's objects: nothing in them may reach for the node itself."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airtune.errors import Problem
from airtune.operators.model_folder import below_a_root, outside
from airtune.settings import Settings

if TYPE_CHECKING:
    from airtune.task import Task

_RIGHTS = frozenset(
    {
        "privileged",
        "allowPrivilegeEscalation",
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "hostPort",
        "hostProcess",
    }
)
_UNGUARDED = {
    ("procMount", "Unmasked"),
    ("appArmorProfile", "Unconfined"),
    ("seccompProfile", "Unconfined"),
}
"""What lifts the guards that containers have by default."""
_ACCOUNTS = frozenset({"serviceAccountName", "serviceAccount"})
_ON_NODES = frozenset({"local", "hostpath", "file"})


def spec_problems(task: "Task", settings: Settings) -> Iterator[Problem]:
    """Folders of the node outside the model roots, rights on it, and other accounts."""
    for field, spec in (
        ("ome.model_spec", task.ome.model_spec),
        ("ome.runtime_spec", task.ome.runtime_spec),
    ):
        if spec is not None:
            yield from _inside(field, spec, settings)
    yield from _storage(task.ome.model_spec or {}, settings)


def _inside(path: str, value: Any, settings: Settings) -> Iterator[Problem]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _inside(f"{path}[{index}]", one, settings)
    if not isinstance(value, Mapping):
        return
    for key, one in value.items():
        here = f"{path}.{key}"
        if (key in _RIGHTS and one) or _unguarded(key, one):
            yield _refused(here, one, "would give the server rights on its node.")
        elif key in _ACCOUNTS and one:
            yield _refused(here, one, "would give the server another account's rights.")
        elif key == "capabilities" and isinstance(one, Mapping) and one.get("add"):
            yield _refused(f"{here}.add", one["add"], "would give the server rights on its node.")
        elif key == "hostPath" and isinstance(one, Mapping):
            folder = str(one.get("path"))
            if not below_a_root(folder, settings):
                yield outside(f"{here}.path", folder, settings)
        else:
            yield from _inside(here, one, settings)


def _unguarded(key: str, value: Any) -> bool:
    said = value.get("type") if isinstance(value, Mapping) else value
    return isinstance(said, str) and (key, said) in _UNGUARDED


def _storage(spec: Mapping[str, Any], settings: Settings) -> Iterator[Problem]:
    """OME mounts the folder of the node that holds the model."""
    storage = spec.get("storage")
    if not isinstance(storage, Mapping):
        return
    folder, uri = storage.get("path"), urlsplit(str(storage.get("storageUri") or ""))
    if isinstance(folder, str) and not below_a_root(folder, settings):
        yield outside("ome.model_spec.storage.path", folder, settings)
    if uri.scheme in _ON_NODES and not below_a_root(f"/{uri.netloc}{uri.path}", settings):
        yield outside("ome.model_spec.storage.storageUri", uri.geturl(), settings)


def _refused(path: str, value: object, reason: str) -> Problem:
    return Problem(
        path,
        value,
        reason,
        "Remove it; create the object by hand where it is needed, and name it in the task.",
    )
