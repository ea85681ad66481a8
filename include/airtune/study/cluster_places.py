"""Where in which cluster a run's objects are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airtune.launchers.opening import CLUSTER
from airtune.study.store import Store


@dataclass(frozen=True, order=True)
class ClusterAccess:
    """A way to a cluster.

    Attributes:
        launcher: ``kubernetes`` or ``ome``.
        kubeconfig: the one that the task has named; empty: the installation's own access.
    """

    launcher: str
    kubeconfig: str


def access_of(launcher: str, task: Mapping[str, Any]) -> ClusterAccess:
    """The way to the cluster of a run with this task, as it is stored."""
    return ClusterAccess(launcher, str((task.get("kubernetes") or {}).get("kubeconfig") or ""))


def namespace_of(task: Mapping[str, Any]) -> str:
    """The namespace of all objects of a run with this task, as it is stored."""
    return str((task.get("model") or {}).get("namespace") or "default")


def namespaces(store: Store, *, unfinished: bool = False) -> dict[ClusterAccess, set[str]]:
    """The namespaces that runs, or unfinished ones, have used in each cluster."""
    found: dict[ClusterAccess, set[str]] = {}
    for launcher, task in store.tasks(*sorted(CLUSTER), unfinished=unfinished):
        found.setdefault(access_of(launcher, task), set()).add(namespace_of(task))
    return found
