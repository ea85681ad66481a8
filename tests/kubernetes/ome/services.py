"""InferenceServices and BenchmarkJobs for tests, and waiting for what becomes of them."""

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from airtune.testing.ome_api import OME, namespaced
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_names import SERVICE
from airtune.testing.ome_resources import MODEL, SGLANG

Json = dict[str, Any]
Found = TypeVar("Found")

SERVED = ["--host", "0.0.0.0", "--port", "8080", "--model-path", "$(MODEL_PATH)"]
FAST = {"ttft_ms": 1, "tpot_ms": 0}


def a_service(
    namespace: str,
    name: str = "engine",
    *,
    args: list[str] | None = None,
    behaviour: Json | None = None,
    runtime: str = SGLANG,
    model: str = MODEL,
    resources: Json | None = None,
    **metadata: Any,
) -> Json:
    """An InferenceService that the fake engine serves.

    Args:
        args: of the runner, in the place of the runtime's.
        behaviour: the fake engine's.
        metadata: labels, annotations.
    """
    env = [{"name": "FAKE_ENGINE", "value": json.dumps({**FAST, **(behaviour or {})})}]
    runner: Json = {"name": "ome-container", "env": env}
    runner |= {"args": args} if args else {}
    runner |= {"resources": resources} if resources else {}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {
            "model": {"name": model, "kind": "ClusterBaseModel"},
            "runtime": {"name": runtime, "kind": "ClusterServingRuntime"},
            "engine": {"minReplicas": 1, "maxReplicas": 1, "runner": runner},
        },
    }


def a_benchmark(namespace: str, claim: str, *, service: str = "engine", **spec: Any) -> Json:
    """A BenchmarkJob of one short load point."""
    endpoint = {"inferenceService": {"name": service, "namespace": namespace}}
    whole = {
        "endpoint": endpoint,
        "task": "text-to-text",
        "trafficScenarios": ["D(20,10)"],
        "numConcurrency": [2],
        "maxTimePerIteration": 1,
        "maxRequestsPerIteration": 40,
        "outputLocation": {"storageUri": f"pvc://{claim}/runs/one"},
        "resultFolderName": "exp1",
    }
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BenchmarkJob",
        "metadata": {"name": "bench", "namespace": namespace},
        "spec": whole | spec,
    }


def service_path(namespace: str, name: str = "engine") -> str:
    return namespaced(OME, "inferenceservices", namespace, name)


def conditions(ome: Ome, namespace: str, name: str = "engine") -> dict[str, Json]:
    found = ome.api.get(service_path(namespace, name)).get("status", {}).get("conditions", [])
    return {one["type"]: one for one in found}


def ready(ome: Ome, namespace: str, name: str = "engine") -> Json:
    """The InferenceService, once it is ready."""

    def found() -> Json | None:
        is_ready = conditions(ome, namespace, name).get("Ready", {}).get("status") == "True"
        return ome.api.get(service_path(namespace, name)) if is_ready else None

    return eventually(found, 60)


def pods(ome: Ome, namespace: str, name: str = "engine") -> list[Json]:
    path = namespaced("/api/v1", "pods", namespace)
    return ome.api.items(path, labelSelector=f"{SERVICE}={name}")


def eventually(found: Callable[[], Found], patience_s: float = 30) -> Found:
    """What ``found`` finds at last."""
    give_up_at = time.monotonic() + patience_s
    while not (value := found()):
        assert time.monotonic() < give_up_at, f"{found} found nothing in {patience_s} s"
        time.sleep(0.2)
    return value


def never(found: Callable[[], object], seconds: float) -> None:
    """Nothing is found for so long."""
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        assert not (value := found()), f"{found} found {value}"
        time.sleep(0.2)
