"""Deploy in Kubernetes mode and in OME mode."""

from airtune.operators.cluster_task import ClusterSlotTask
from airtune.operators.deploy import Deploy
from airtune.operators.kubernetes_task import KubernetesSlotTask


class DeployKubernetes(KubernetesSlotTask, Deploy):
    """Start the slot's server as a pod with a Service, and leave it running.

    The provider's operator waits for its pod's end; a server has none, so this one starts it
    through the launcher, which triggerer, reaper and command line use as well.
    """


class DeployOme(ClusterSlotTask, Deploy):
    """Start the slot's server as an InferenceService, and leave it running."""
