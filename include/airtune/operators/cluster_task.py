"""A slot's task beside a Kubernetes cluster."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from airtune.operators.slot_task import SlotTask

if TYPE_CHECKING:
    from airtune.launchers.kubernetes.api import ClusterApi
    from airtune.launchers.kubernetes.launcher import ClusterLauncher
    from airtune.operators.slot import Slot


class ClusterSlotTask(SlotTask):
    """What deploy, benchmark and teardown have in common in Kubernetes and OME mode.

    Args:
        world: ``kubernetes`` or ``ome``.
    """

    def __init__(self, *, world: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.world = world
        self._open: ExitStack | None = None
        self._api: ClusterApi | None = None

    def api(self, slot: "Slot") -> "ClusterApi":
        """The cluster of the slot's run; the connection lasts as long as this process.

        Raises:
            TrialFailed: ``infrastructure``: there is no way to it.
        """
        if self._api is None:
            from airtune.launchers.kubernetes.access import connect
            from airtune.operators.cluster_connection import use_connections

            use_connections()
            self._open = ExitStack()
            kubeconfig = kubeconfig_of(slot.run.task)
            self._api = self._open.enter_context(connect(slot.settings, kubeconfig))
        return self._api

    def launcher(self, slot: "Slot") -> "ClusterLauncher":
        """What starts and removes this slot's objects.

        Raises:
            TrialFailed: as ``api``.
        """
        from airtune.launchers.opening import cluster_launcher
        from airtune.study.cluster_places import namespace_of

        task = slot.run.task
        kubeconfig, namespace = kubeconfig_of(task), namespace_of(task)
        return cluster_launcher(self.world, self.api(slot), slot.settings, kubeconfig, namespace)


def kubeconfig_of(task: dict[str, Any]) -> str:
    """The kubeconfig that a stored task names; empty: the installation's own access."""
    return str((task.get("kubernetes") or {}).get("kubeconfig") or "")
