"""Plan in Kubernetes and OME mode."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from airtune.operators.plan import PlanSlots

if TYPE_CHECKING:
    from airtune.launchers.kubernetes.api import ClusterApi
    from airtune.records import Trial
    from airtune.settings import Settings
    from airtune.study.plan import Plan
    from airtune.study.servers import Runtime
    from airtune.task import Task


class PlanCluster(PlanSlots):
    """As ``PlanSlots``, with the checks of a cluster: a dry run of the first trial's objects."""

    _digests: frozenset[str] = frozenset()

    def resolve(self, task: "Task", settings: "Settings") -> "Task":
        """Pin the GPU product, so that all trials run on the same.

        Raises:
            TaskError: there are several, and the task names none.
            TrialFailed: ``infrastructure``: the cluster cannot be reached.
        """
        from airtune.operators.preflight_kubernetes import resolve

        with _connected(task, settings) as api:
            return resolve(task, api, self.log.info)

    def runtime(self, task: "Task", settings: "Settings") -> "Runtime | None":
        """OME's serving runtime; None in Kubernetes mode, and where there is none of that name.

        Raises:
            TrialFailed: ``infrastructure``: the cluster cannot be reached.
        """
        from airtune.operators.ome_runtime import runtime_of

        if task.launcher != "ome":
            return None
        with _connected(task, settings) as api:
            return runtime_of(task, api)

    def check(self, task: "Task", plan: "Plan", settings: "Settings") -> None:
        """Refuse a task that this cluster cannot run.

        Raises:
            TaskError: with every problem found.
            TrialFailed: ``infrastructure``: the cluster cannot be reached.
        """
        from airtune.launchers.kubernetes.access import place
        from airtune.launchers.kubernetes.node_images import digests_on_nodes
        from airtune.launchers.kubernetes.refusal import reaching
        from airtune.operators.preflight_kubernetes import check_cluster

        with _connected(task, settings) as api:
            check_cluster(task, plan, settings, api, self.log.info)
            if task.launcher == "kubernetes":
                with reaching(place(settings, task.kubernetes.kubeconfig or "")):
                    self._digests = digests_on_nodes(api, plan.trials[0].server.image)

    def reusable(self, trial: "Trial") -> bool:
        """False if nodes have another image under the tag now; where none tells, it is taken."""
        return not self._digests or trial.identity.get("image_digest") in self._digests


def _connected(task: "Task", settings: "Settings") -> AbstractContextManager["ClusterApi"]:
    from airtune.launchers.kubernetes.access import connect
    from airtune.operators.cluster_connection import use_connections

    use_connections()
    return connect(settings, task.kubernetes.kubeconfig or "")
