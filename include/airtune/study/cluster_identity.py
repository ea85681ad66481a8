"""What of a cluster, its pods and OME's objects can change a figure, for plan keys."""

import hashlib
import json
from pathlib import Path

from airtune.settings import Settings
from airtune.task import Task
from airtune.task.client_way import resolved_client
from airtune.task.kubernetes import ClientPod, KubernetesOptions, Toleration


def in_cluster(task: Task, settings: Settings, runtime_revision: str = "") -> dict[str, object]:
    """The parts of a plan key that only Kubernetes and OME have.

    Left out is what only decides how objects come there: pull policy and secrets, the hub's cache
    and token.

    Args:
        runtime_revision: of OME's serving runtime; empty where it is not known.
    """
    found: dict[str, object] = {
        "cluster": _cluster(task, settings),
        "namespace": task.model.namespace,
        "pod": _pod(task.kubernetes),
        "template": template_digest(task, settings),
        "client_pod": _client(task, settings),
    }
    if task.launcher == "ome":
        return found | {"ome": _ome(task, runtime_revision)}
    claim = task.kubernetes.model_claim
    return found | {
        "shm_size": task.container.shm_size,
        "model_claim": claim.model_dump(exclude_none=True) if claim else None,
    }


def template_digest(task: Task, settings: Settings) -> str:
    """SHA-256 of the task's own template; empty without one, and where the file is not there."""
    name = task.kubernetes.template
    if name is None or not settings.cluster.template_dir:
        return ""
    path = Path(settings.cluster.template_dir) / name
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _cluster(task: Task, settings: Settings) -> list[str]:
    """Which cluster: as it is named, since nobody may be able to ask it."""
    cluster = settings.cluster
    if task.kubernetes.kubeconfig:
        return [task.kubernetes.kubeconfig]
    return [cluster.kubeconfig, cluster.context, cluster.conn_id]


def _pod(options: KubernetesOptions) -> dict[str, object]:
    return {
        "gpus": options.gpus,
        "resource": options.gpu_resource,
        "product": options.gpu_product,
        "product_label": options.gpu_product_label,
        **_placement(options),
    }


def _client(task: Task, settings: Settings) -> dict[str, object]:
    """Where the client stands, and how it reaches the server."""
    way = resolved_client(task)
    if way == "cli":
        return {"way": way, "reach": settings.cluster.reach}
    return {"way": way, **_placement(task.kubernetes.client)}


def _placement(pod: ClientPod | KubernetesOptions) -> dict[str, object]:
    return {
        "node_selector": dict(pod.node_selector),
        "tolerations": sorted(map(_text, pod.tolerations)),
        "requests": dict(pod.requests),
        "limits": dict(pod.limits),
    }


def _text(toleration: Toleration) -> str:
    return json.dumps(toleration.model_dump(mode="json"), sort_keys=True)


def _ome(task: Task, runtime_revision: str) -> dict[str, object]:
    ome = task.ome
    return {
        "runtime": [ome.runtime_kind, task.base_runtime, runtime_revision],
        "model_kind": ome.model_kind,
        "specs": [ome.model_spec, ome.runtime_spec],
    }
