"""A slot's task beside a Kubernetes cluster."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from airtune.operators.slot_task import SlotTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airtune.launchers.kubernetes.api import ClusterApi
    from airtune.launchers.kubernetes.launcher import ClusterLauncher
    from airtune.operators.slot import Slot


class ClusterSlotTask(SlotTask):
    """What deploy, benchmark and teardown have in common in Kubernetes and OME mode.

    What it has opened (connection, port-forwards) is closed when it ends, fails or is deferred.

    Args:
        world: ``kubernetes`` or ``ome``.
    """

    def __init__(self, *, world: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.world = world
        self._open = ExitStack()
        self._api: ClusterApi | None = None

    def execute(self, context: "Context") -> Any:
        """As the task's own, which may use ``api`` and ``launcher``."""
        with self._closing():
            return super().execute(context)

    def resume_execution(self, *args: Any, **kwargs: Any) -> Any:
        """The same after a deferral."""
        with self._closing():
            return super().resume_execution(*args, **kwargs)

    def enter(self, context: "Context") -> "Slot":
        """Enter the slot; waiting for devices may look into clusters, too."""
        from airtune.operators.cluster_connection import use_connections

        use_connections()
        return super().enter(context)

    @contextmanager
    def _closing(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._api = None
            self._open.close()

    def api(self, slot: "Slot") -> "ClusterApi":
        """The cluster of the slot's run; the connection lasts as long as the task.

        Raises:
            TrialFailed: ``infrastructure``: there is no way to it.
        """
        if self._api is None:
            from airtune.launchers.kubernetes.access import connect
            from airtune.study.cluster_places import access_of

            kubeconfig = access_of(self.world, slot.run.task).kubeconfig
            self._api = self._open.enter_context(connect(slot.settings, kubeconfig))
        return self._api

    def launcher(self, slot: "Slot") -> "ClusterLauncher":
        """What starts and removes this slot's objects; closed with the task.

        Raises:
            TrialFailed: as ``api``.
        """
        from airtune.launchers.opening import cluster_launcher
        from airtune.study.cluster_places import access_of, namespace_of

        task = slot.run.task
        kubeconfig, namespace = access_of(self.world, task).kubeconfig, namespace_of(task)
        made = cluster_launcher(self.world, self.api(slot), slot.settings, kubeconfig, namespace)
        self._open.callback(made.close)
        return made
