"""A slot's task that is the provider's KubernetesPodOperator."""

from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from airtune.operators.cluster_task import ClusterSlotTask

if TYPE_CHECKING:
    from airtune.launchers.kubernetes.api import ClusterApi
    from airtune.operators.slot import Slot


class KubernetesSlotTask(ClusterSlotTask, KubernetesPodOperator):
    """``ClusterSlotTask`` with the provider's parts: pod manager, side-car, clean-up of its pod.

    What runs is made in ``execute``, since a mapped value reaches ``spec`` alone.
    """

    template_fields = ("spec",)
    template_ext = ()

    def __init__(self, *, spec: Any, world: str, **kwargs: Any) -> None:
        super().__init__(
            spec=spec,
            world=world,
            kubernetes_conn_id=None,
            durable=False,  # our own labels find what runs, whoever started it
            deferrable=False,
            **kwargs,
        )

    def api(self, slot: "Slot") -> "ClusterApi":
        """As ``ClusterSlotTask.api``; the provider's parts then use the same client.

        Raises:
            TrialFailed: ``infrastructure``: there is no way to the cluster.
        """
        from kubernetes.client import CoreV1Api

        api = super().api(slot)
        self.client = CoreV1Api(api.client)
        return api

    def on_kill(self) -> Any:
        """The task's own end comes first: what it has started is removed by whoever unwinds."""
        ClusterSlotTask.on_kill(self)
