"""The pod of a BenchmarkJob: OME's own, and ``podOverride`` laid over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airtune.testing.ome_benchmark_args import arguments, model_path, output_of
from airtune.testing.ome_merge import Json, merged
from airtune.testing.ome_names import node_label

_OUTPUT = "benchmark-output-storage"
_OF_CONTAINER = ("image", "env", "envFrom", "volumeMounts", "resources")
_OF_POD = ("affinity", "nodeSelector", "tolerations", "volumes")


@dataclass(frozen=True)
class BenchmarkPod:
    """What OME's ConfigMap ``benchmarkjob-config`` says: defaults of every benchmark's pod.

    Attributes:
        image: genai-bench's.
        cpu, memory: requested, and the limit too. OME's own are 2 and 2Gi.
    """

    image: str = "airtune/genai-bench:0.0.5"
    cpu: str = "100m"
    memory: str = "256Mi"
    cpu_limit: str = "2"
    memory_limit: str = "2Gi"


def benchmark_container(
    job: Mapping[str, Any],
    service: Mapping[str, Any] | None,
    model: Mapping[str, Any] | None,
    pods: BenchmarkPod,
) -> Json:
    """The container: named like the BenchmarkJob, or ``genai-bench`` where ``podOverride`` is.

    Args:
        service: the InferenceService that is measured; None where a plain URL is.
        model: the one that it serves.

    Raises:
        Refused: see ``arguments``.
    """
    env: list[Json] = [{"name": "ENABLE_UI", "value": "false"}]
    if secret := (job["spec"].get("huggingFaceSecretReference") or {}).get("name"):
        key = {"name": secret, "key": "HUGGINGFACE_API_KEY"}
        env.append({"name": "HUGGINGFACE_API_KEY", "valueFrom": {"secretKeyRef": key}})
    folder = output_of(job)[1]
    mounts: list[Json] = [{"name": _OUTPUT, "mountPath": f"/{folder}", "subPath": folder}]
    if model is not None:
        path = model_path(model)
        volume = model["metadata"]["name"]
        mounts.insert(0, {"name": volume, "mountPath": path, "readOnly": True})
        env.append({"name": "MODEL_PATH", "value": path})
    container: Json = {
        "name": job["metadata"]["name"],
        "image": pods.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["genai-bench"],
        "args": arguments(job, service, model),
        "env": env,
        "resources": {
            "requests": {"cpu": pods.cpu, "memory": pods.memory},
            "limits": {"cpu": pods.cpu_limit, "memory": pods.memory_limit},
        },
        "volumeMounts": mounts,
    }
    override = job["spec"].get("podOverride")
    if not override:
        return container
    return merged(container, _given(override, _OF_CONTAINER) | {"name": "genai-bench"})


def benchmark_pod(job: Mapping[str, Any], container: Json, model: Mapping[str, Any] | None) -> Json:
    """The pod around the container."""
    claim = {"claimName": output_of(job)[0]}
    volumes: list[Json] = [{"name": _OUTPUT, "persistentVolumeClaim": claim}]
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    pod: Json = {"restartPolicy": "Never", "containers": [container], "tolerations": [gpu]}
    if model is not None:
        path = {"path": model_path(model)}
        volumes.insert(0, {"name": model["metadata"]["name"], "hostPath": path})
        pod["nodeSelector"] = {node_label(model): "Ready"}
    override = job["spec"].get("podOverride") or {}
    return merged(pod | {"volumes": volumes}, _given(override, _OF_POD))


def _given(override: Mapping[str, Any], fields: tuple[str, ...]) -> Json:
    return {field: override[field] for field in fields if override.get(field)}
