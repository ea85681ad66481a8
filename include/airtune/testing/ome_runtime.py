"""The engine's pod: an InferenceService laid over its runtime, with the model mounted."""

from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_merge import Json, merged
from airtune.testing.ome_names import CONTAINER, PORT, node_label

_NOT_OF_PODS = frozenset(
    {
        "acceleratorOverride", "annotations", "canaryTrafficPercent", "containerConcurrency",
        "deploymentStrategy", "kedaConfig", "labels", "leader", "maxReplicas", "maxUnavailable",
        "minAvailable", "minReplicas", "runner", "scaleMetric", "scaleTarget", "timeoutSeconds",
        "worker",
    }
)  # fmt: skip
"""Fields of an engine that a pod does not have."""


def merged_engine(service: Mapping[str, Any], runtime: Mapping[str, Any]) -> Json | None:
    """What the InferenceService makes of the runtime's ``engineConfig``.

    Returns:
        None if the InferenceService has no ``spec.engine``: then OME starts nothing, and says so
        nowhere.
    """
    engine = service["spec"].get("engine")
    return None if engine is None else merged(runtime.get("engineConfig") or {}, engine)


def pod_spec(
    engine: Mapping[str, Any],
    service: Mapping[str, Any],
    runtime: Mapping[str, Any],
    model: Mapping[str, Any],
) -> Json:
    """The pod of a merged engine.

    Args:
        engine: of ``merged_engine``.
        runtime: its spec.
        model: the whole object.

    Raises:
        ValueError: neither the InferenceService nor the runtime names a container.
    """
    pod = {key: value for key, value in engine.items() if key not in _NOT_OF_PODS}
    containers = list(pod.get("containers") or [])
    runner = engine.get("runner")
    if runner is not None:
        containers = _with_runner(containers, _prepared(runner, service, runtime, model))
    if not containers:
        raise ValueError("no container: neither spec.engine.runner nor the runtime has one")
    pod["containers"] = [_with_defaults(one) for one in containers]
    if path := _model_path(model):
        volume = {"name": model["metadata"]["name"], "hostPath": {"path": path}}
        pod["volumes"] = [*(pod.get("volumes") or []), volume]
    selector = {node_label(model): "Ready"} | (runtime.get("nodeSelector") or {})
    pod["nodeSelector"] = selector | (pod.get("nodeSelector") or {})
    return pod


def _with_runner(containers: list[Json], runner: Json) -> list[Json]:
    """The runner merged with a container of its name, arguments appended; else beside them."""
    for index, one in enumerate(containers):
        if one["name"] == runner["name"]:
            both = merged(one, runner)
            both["args"] = [*(one.get("args") or []), *(runner.get("args") or [])]
            return [*containers[:index], both, *containers[index + 1 :]]
    return [*containers, runner]


def _prepared(
    runner: Mapping[str, Any],
    service: Mapping[str, Any],
    runtime: Mapping[str, Any],
    model: Mapping[str, Any],
) -> Json:
    """The runner with the model, its environment and, where nobody asks for any, resources."""
    container = {"name": CONTAINER, **runner}
    env = list(container.get("env") or [])
    if path := _model_path(model):
        env += [] if _has(env, "MODEL_PATH") else [{"name": "MODEL_PATH", "value": path}]
        mount = {"name": model["metadata"]["name"], "mountPath": path, "readOnly": True}
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]
    asked = ((service["spec"].get("engine") or {}).get("runner") or {}).get("resources")
    if not asked:
        container["resources"] = _resources(container, runtime)
    gpus = _gpus(container.get("resources") or {})
    if gpus:
        env = [*(one for one in env if one["name"] != "PARALLELISM_SIZE")]
        env += [{"name": "PARALLELISM_SIZE", "value": str(gpus)}]
    return {**container, "env": env} if env else container


def _resources(container: Mapping[str, Any], runtime: Mapping[str, Any]) -> Json:
    """Resources of a runtime that still lists its containers at the top, below the engine's."""
    for one in runtime.get("containers") or []:
        if one["name"] == container["name"]:
            return merged(one.get("resources") or {}, container.get("resources") or {})
    return dict(container.get("resources") or {})


def _gpus(resources: Mapping[str, Any]) -> int:
    limits = resources.get("limits") or resources.get("requests") or {}
    return sum(int(count) for name, count in limits.items() if name.endswith("/gpu"))


def _with_defaults(container: Json) -> Json:
    if container["name"] != CONTAINER or "readinessProbe" in container:
        return container
    ports = container.get("ports") or [{"containerPort": PORT}]
    probe = {"tcpSocket": {"port": ports[0]["containerPort"]}, "periodSeconds": 10}
    return {**container, "readinessProbe": probe}


def _has(env: list[Json], name: str) -> bool:
    return any(one["name"] == name for one in env)


def _model_path(model: Mapping[str, Any]) -> str:
    return str((model["spec"].get("storage") or {}).get("path") or "")
