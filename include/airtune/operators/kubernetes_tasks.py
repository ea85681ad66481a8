"""The tasks of the DAGs that tune in a Kubernetes cluster."""

from functools import partial

from airtune.operators.benchmark_kubernetes import BenchmarkKubernetes
from airtune.operators.deploy_kubernetes import DeployKubernetes, DeployOme
from airtune.operators.graph import LauncherTasks
from airtune.operators.plan_kubernetes import PlanCluster
from airtune.operators.teardown_kubernetes import TeardownCluster


def kubernetes_tasks() -> LauncherTasks:
    """Servers as pods."""
    return LauncherTasks(
        launcher="kubernetes",
        plan=PlanCluster,
        deploy=partial(DeployKubernetes, world="kubernetes"),
        benchmark=partial(BenchmarkKubernetes, world="kubernetes"),
        teardown=partial(TeardownCluster, world="kubernetes"),
        how="as a pod of a Kubernetes cluster",
        example="kubernetes_llamacpp.yaml",
    )


def ome_tasks() -> LauncherTasks:
    """Servers as InferenceServices of OME."""
    return LauncherTasks(
        launcher="ome",
        plan=PlanCluster,
        deploy=partial(DeployOme, world="ome"),
        benchmark=partial(BenchmarkKubernetes, world="ome"),
        teardown=partial(TeardownCluster, world="ome"),
        how="as an InferenceService of OME",
        example="simple_task.json",
    )
