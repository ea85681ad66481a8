"""The status of an InferenceService, with the traps that the real one has."""

import datetime
from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_merge import Json

_ORDER = ("EngineReady", "IngressReady", "Ready")


def status_of(service: Mapping[str, Any], deployment: Mapping[str, Any] | None, port: int) -> Json:
    """The status after one look.

    ``EngineReady`` is the Deployment's ``Available`` while that is true, and otherwise always
    "Initializing": a crash loop or a pod that fits nowhere looks like a slow start. It stays true
    after an edit until the old pods are gone, and ``observedGeneration`` is the Deployment's.

    Args:
        deployment: as it is now; None if the InferenceService has no engine.
        port: of the outer Service.
    """
    before = {one["type"]: one for one in (service.get("status") or {}).get("conditions", [])}
    ingress = _condition("IngressReady", "True", "IngressDisabled", "reached by its Service")
    conditions = [ingress]
    status: Json = dict(service.get("status") or {})
    if deployment is not None:
        engine = _engine(deployment)
        conditions.append(engine)
        status["components"] = {"engine": _component(service, deployment, engine, port)}
        status["observedGeneration"] = deployment.get("status", {}).get("observedGeneration", 0)
    conditions.append(_ready(conditions))
    kept = [_since(one, before.get(one["type"])) for one in conditions]
    host = f"http://{address(service)}:{port}"
    return status | {
        "conditions": sorted(kept, key=lambda one: _ORDER.index(one["type"])),
        "modelStatus": _model_status(kept[-1]["status"] == "True"),
        "url": host,
        "address": {"url": host},
    }


def address(service: Mapping[str, Any]) -> str:
    """Host name of the outer Service."""
    return f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local"


def is_ready(service: Mapping[str, Any]) -> bool:
    """Whether an InferenceService says that it is ready."""
    conditions = (service.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _engine(deployment: Mapping[str, Any]) -> Json:
    for one in deployment.get("status", {}).get("conditions") or []:
        if one["type"] == "Available" and one["status"] == "True":
            return _condition("EngineReady", "True", one["reason"], one["message"])
    return _condition("EngineReady", "False", "Initializing", "engine component initializing")


def _ready(conditions: list[Json]) -> Json:
    """``Ready`` repeats the first condition that is not true; without an engine it is unknown."""
    for one in conditions:
        if one["status"] != "True":
            return one | {"type": "Ready"}
    if len(conditions) == 1:
        return _condition("Ready", "Unknown")
    return _condition("Ready", "True")


def _component(
    service: Mapping[str, Any], deployment: Mapping[str, Any], engine: Json, port: int
) -> Json:
    annotations = deployment["metadata"].get("annotations") or {}
    revision = annotations.get("deployment.kubernetes.io/revision", "")
    component = {"latestCreatedRevision": revision}
    if engine["status"] == "True":
        component["url"] = f"http://{address(service)}:{port}"
    return component


def _model_status(ready: bool) -> Json:
    if not ready:
        states = {"activeModelState": "", "targetModelState": "Pending"}
        return {"transitionStatus": "InProgress", "modelRevisionStates": states}
    states = {"activeModelState": "Loaded", "targetModelState": "Loaded"}
    return {"transitionStatus": "UpToDate", "modelRevisionStates": states}


def _condition(kind: str, status: str, reason: str = "", message: str = "") -> Json:
    texts = {"reason": reason, "message": message}
    return {"type": kind, "status": status} | {k: v for k, v in texts.items() if v}


def _since(condition: Json, before: Mapping[str, Any] | None) -> Json:
    """The condition with the time since when it says what it says."""
    if before and {k: v for k, v in before.items() if k != "lastTransitionTime"} == condition:
        return dict(before)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return condition | {"lastTransitionTime": now}
