"""The Kubernetes cluster of an installation, as its environment names it."""

from collections.abc import Mapping
from dataclasses import dataclass

from airtune.errors import SettingsError
from airtune.records import Device


@dataclass(frozen=True)
class Cluster:
    """The Kubernetes cluster of this installation.

    Attributes:
        kubeconfig: ``AIRTUNE_KUBECONFIG``; empty: the pod's own service account where the worker
            runs in a cluster, else ``KUBECONFIG`` or ``~/.kube/config``.
        kubeconfigs: ``AIRTUNE_KUBECONFIGS``, colon-separated: further files that a task may name.
            A kubeconfig can run programs, so a task cannot name just any file.
        context: ``AIRTUNE_KUBE_CONTEXT`` in that file; empty: the current one.
        conn_id: ``AIRTUNE_KUBERNETES_CONN_ID``, Airflow connection instead of a kubeconfig.
        devices: ``AIRTUNE_KUBERNETES_DEVICES``, how many GPUs (or servers without) airtune uses
            at once; which ones is the cluster's to say.
        reach: ``AIRTUNE_KUBERNETES_REACH``: ``direct`` where the worker reaches Services by their
            names, ``forward`` by port-forward; ``auto``: direct in a cluster's pod.
        xcom_image: ``AIRTUNE_XCOM_IMAGE``, image with ``sh`` and ``tar`` beside the client's
            container; empty: the provider's.
        template_dir: ``AIRTUNE_TEMPLATE_DIR``, folder with templates that a task may name.
    """

    kubeconfig: str = ""
    kubeconfigs: tuple[str, ...] = ()
    context: str = ""
    conn_id: str = ""
    devices: int = 8
    reach: str = "auto"
    xcom_image: str = ""
    template_dir: str = ""

    @property
    def pool(self) -> tuple[Device, ...]:
        """As many names as there may be GPUs in use: the cluster itself knows which."""
        return tuple(
            Device(name=f"kubernetes/device{index}", kind="cluster", indexes=(index,))
            for index in range(self.devices)
        )


def read_cluster(env: Mapping[str, str]) -> Cluster:
    """The cluster as the environment names it.

    Raises:
        SettingsError: a variable cannot be read.
    """
    reach = env.get("AIRTUNE_KUBERNETES_REACH") or Cluster.reach
    if reach not in {"auto", "direct", "forward"}:
        raise SettingsError(f"AIRTUNE_KUBERNETES_REACH = {reach!r}: write auto, direct or forward.")
    devices = env.get("AIRTUNE_KUBERNETES_DEVICES") or str(Cluster.devices)
    if not devices.isdecimal() or not 1 <= int(devices) <= 1000:
        raise SettingsError(
            f"AIRTUNE_KUBERNETES_DEVICES = {devices!r}: write how many GPUs airtune may use at "
            "once, from 1 to 1000."
        )
    return Cluster(
        kubeconfig=env.get("AIRTUNE_KUBECONFIG") or "",
        kubeconfigs=tuple(filter(None, env.get("AIRTUNE_KUBECONFIGS", "").split(":"))),
        context=env.get("AIRTUNE_KUBE_CONTEXT") or "",
        conn_id=env.get("AIRTUNE_KUBERNETES_CONN_ID") or "",
        devices=int(devices),
        reach=reach,
        xcom_image=env.get("AIRTUNE_XCOM_IMAGE") or "",
        template_dir=env.get("AIRTUNE_TEMPLATE_DIR") or "",
    )
