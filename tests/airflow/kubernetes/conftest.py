"""One Airflow beside a real cluster, with exactly the rights of the manifest we give to users."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.names import selector
from airtune.testing.fake_task import fake_task
from airtune.testing.kubernetes_rights import limited_kubeconfig, remove_rights
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_resources import MODEL, SERVED, SGLANG

FAKE_IMAGE = "airtune-test/fake-sglang"
GPU = "airtune.test/gpu"
"""An extended resource that tests give the node, in place of GPUs."""

PLURALS = {
    "pods": "/api/v1",
    "services": "/api/v1",
    "inferenceservices": "/apis/ome.io/v1beta1",
    "benchmarkjobs": "/apis/ome.io/v1beta1",
}


@dataclass
class ClusterSite:
    """A site whose engines run in a cluster.

    Attributes:
        admin: the cluster with all rights; airtune itself has fewer.
        kubeconfig: a second one that tasks may name; not made yet.
        begun: sets of runs that were started already.
    """

    site: Any
    admin: ClusterApi
    namespace: str
    kubeconfig: Path
    begun: set[str] = field(default_factory=set)

    @property
    def api(self) -> Any:
        return self.site.api

    def of(self, dag_id: str, namespace: str) -> "ClusterSite":
        """The same Airflow, for another DAG and namespace."""
        site = type(self.site)(self.api.of(dag_id), self.site.settings, self.site.stack)
        return ClusterSite(site, self.admin, namespace, self.kubeconfig)

    def path(self, plural: str, name: str = "") -> str:
        return f"{PLURALS[plural]}/namespaces/{self.namespace}/{plural}" + (f"/{name}" * bool(name))

    def found(self, plural: str, run_id: str | None = None, **labels: str) -> list[dict[str, Any]]:
        """Objects of this site, of one run, with these labels (``role``, ``slot``)."""
        if run_id is not None:
            labels["run"] = self.site.key(run_id)
        query = selector(self.site.settings.installation, **labels)
        try:
            return list(self.admin.get(self.path(plural), labelSelector=query)["items"])
        except ApiRefused as refused:
            if refused.status == 404:  # no such kind: OME is not installed
                return []
            raise

    def pods(self, run_id: str | None = None, **labels: str) -> list[dict[str, Any]]:
        return self.found("pods", run_id, **labels)

    def server(self, run_id: str, slot: int) -> dict[str, Any] | None:
        """The running pod of a slot's server."""
        found = self.pods(run_id, role="server", slot=str(slot))
        running = [pod for pod in found if pod["status"].get("phase") == "Running"]
        return running[0] if running else None

    def left_of(self, run_id: str) -> list[str]:
        """Objects, processes and leases that a run has left."""
        names = [
            f"{plural}/{one['metadata']['name']}"
            for plural in PLURALS
            for one in self.found(plural, run_id)
        ]
        return names + list(self.site.left_of(run_id))


def cluster_task(name: str, namespace: str, *, replay: bool = True, **changes: Any) -> Any:
    """``fake_task`` for the fake SGLang in a pod, measured through a port-forward."""
    client = changes.pop("client", "cli")
    kubernetes = {"gpus": 0} | changes.pop("kubernetes", {})
    task = fake_task(name, replay=replay, **changes)
    task |= {
        "deployment_mode": "kubernetes",
        "image": changes.get("image", FAKE_IMAGE),
        "image_tag": changes.get("image_tag", "latest"),
        "kubernetes": kubernetes,
    }
    task["model"] |= {"namespace": namespace, "in_image": "/nothing"}
    task["benchmark"]["client"] = client
    return task


def ome_task(site: ClusterSite, name: str, *, client: str, **changes: Any) -> dict[str, Any]:
    """The fake SGLang behind OME; the model name is the one that BenchmarkJobs ask for."""
    task = fake_task(name, **changes)
    task |= {
        "deployment_mode": "ome",
        "base_runtime": changes.get("base_runtime", SGLANG),
        "model": {"name": MODEL, "namespace": site.namespace},
        "kubernetes": {"kubeconfig": str(site.kubeconfig)},
        "ome": changes.get("ome", {"output_claim": {"claim": "benchmark-results"}}),
    }
    task["benchmark"] |= {"client": client, "model_name": SERVED}
    return task


@pytest.fixture(scope="session")
def make_cluster_site(
    make_site: Callable[..., Any],
    kubeconfig: Path,
    cluster_api: ClusterApi,
    namespace: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., ClusterSite]]:
    """Start an Airflow with a namespace of its own; airtune may do what the manifest says."""
    made: list[str] = []

    def make(devices: int = 16, **options: Any) -> ClusterSite:
        space = namespace("runs")
        folder = tmp_path_factory.mktemp("rights")
        limited = limited_kubeconfig(kubeconfig, space, folder)
        made.append(space)
        second = folder / "second" / limited.name
        changes = {
            "AIRTUNE_KUBECONFIG": str(limited),
            "AIRTUNE_KUBECONFIGS": str(second),
            "AIRTUNE_KUBERNETES_DEVICES": str(devices),
        } | options.pop("changes", {})
        site = make_site(
            "fake0..3", dag_id="autotune_kubernetes", changes=changes, parallelism=6, **options
        )
        return ClusterSite(site, cluster_api, space, second)

    yield make
    for space in made:
        remove_rights(kubeconfig, space)


@pytest.fixture(scope="session")
def cluster_site(make_cluster_site: Callable[..., ClusterSite]) -> ClusterSite:
    return make_cluster_site()


@pytest.fixture(scope="session")
def ome_site(cluster_site: ClusterSite, kubeconfig: Path, ome: Ome) -> Iterator[ClusterSite]:
    """The Airflow that all tests share, with a namespace that the stand-in looks after."""
    space = ome.namespace()
    cluster_site.kubeconfig.parent.mkdir()
    limited_kubeconfig(kubeconfig, space, cluster_site.kubeconfig.parent)
    ome.results_claim(space)
    site = cluster_site.of("autotune_ome", space)
    yield site
    site.api.close()
    remove_rights(kubeconfig, space)
