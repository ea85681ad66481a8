"""Teardown in Kubernetes and OME mode."""

from airtune.operators.cluster_task import ClusterSlotTask
from airtune.operators.teardown import Teardown


class TeardownCluster(ClusterSlotTask, Teardown):
    """Remove the slot's objects and its client, see them gone, then give the devices back."""
