"""A launcher by its name, for callers that know no more of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airtune.launchers.launcher import Launcher
from airtune.settings import Settings

if TYPE_CHECKING:
    from airtune.launchers.kubernetes.api import ClusterApi
    from airtune.launchers.kubernetes.launcher import ClusterLauncher
    from airtune.launchers.kubernetes.world import World

CLUSTER = frozenset({"kubernetes", "ome"})
"""Names of the launchers that work in a Kubernetes cluster."""


@contextmanager
def opened(
    launcher: str, settings: Settings, kubeconfig: str = "", namespace: str = ""
) -> Iterator[Launcher]:
    """The launcher of that name; its connection ends with the block.

    It can watch and remove servers; to start one with an Airflow connection's secrets is the
    operators' part.

    Args:
        launcher: ``local``, ``docker``, ``docker/<host>``, ``kubernetes`` or ``ome``.
        kubeconfig: of a cluster, as the task names it.
        namespace: of a cluster, where ``remove`` looks; empty: in all.

    Raises:
        SettingsError: there is no Docker host of that name.
        TrialFailed: ``infrastructure``: the Docker Engine or cluster cannot be reached.
    """
    name, _, host = launcher.partition("/")
    if name == "docker":
        from airtune.launchers.docker.connect import connect
        from airtune.launchers.docker.launcher import DockerLauncher

        where = settings.docker_host(host)
        with connect(where) as client:
            yield DockerLauncher(client, where, settings)
        return
    if name in CLUSTER:
        from airtune.launchers.kubernetes.access import connect as cluster

        with cluster(settings, kubeconfig) as api:
            made = cluster_launcher(name, api, settings, kubeconfig, namespace)
            try:
                yield made
            finally:
                made.close()
        return
    from airtune.launchers.local.launcher import LocalLauncher

    yield LocalLauncher(settings)


def cluster_launcher(
    kind: str, api: "ClusterApi", settings: Settings, kubeconfig: str = "", namespace: str = ""
) -> "ClusterLauncher":
    """The launcher ``kubernetes`` or ``ome`` in the cluster of ``api``; to be closed.

    Args:
        kubeconfig, namespace: as of ``opened``.
    """
    from airtune.launchers.kubernetes.launcher import ClusterLauncher

    world = cluster_world(kind, settings)
    return ClusterLauncher(world, api, settings, kubeconfig=kubeconfig, namespace=namespace)


def cluster_world(kind: str, settings: Settings) -> "World":
    """What servers of ``kubernetes`` or ``ome`` are made of."""
    if kind == "ome":
        from airtune.launchers.ome.world import OmeWorld

        return OmeWorld(settings)
    from airtune.launchers.kubernetes.pod_world import KubernetesWorld

    return KubernetesWorld(settings)
