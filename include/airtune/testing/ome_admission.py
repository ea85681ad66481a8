"""What OME's admission webhooks refuse, as far as airtune's users can meet it."""

import re
from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_api import OmeApi
from airtune.testing.ome_lookup import find_model

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_TEXT_SCENARIO = re.compile(r"N\(\d+,\d+\)/\(\d+,\d+\)|U\(\d+,\d+\)(/\(\d+,\d+\))?|D\(\d+,\d+\)")


def objection(api: OmeApi, kind: str, one: Mapping[str, Any], namespace: str) -> str:
    """Why an object must not be stored; empty if it may.

    Args:
        kind: ``InferenceService`` or ``BenchmarkJob``; others may.
        namespace: the request's: an object need not name its own.
    """
    if kind == "InferenceService":
        return _inference(api, one, namespace)
    return _benchmark(one["spec"]) if kind == "BenchmarkJob" else ""


def _inference(api: OmeApi, one: Mapping[str, Any], namespace: str) -> str:
    name, spec = one["metadata"].get("name", ""), one["spec"]
    if not _NAME.fullmatch(name):
        return f"InferenceService name {name!r} must match {_NAME.pattern!r}"
    if spec.get("decoder") and not spec.get("engine"):
        return "a decoder needs an engine"
    model = (spec.get("model") or {}).get("name")
    if model and find_model(api, model, namespace) is None:
        return (
            f"model {model!r} is not known: there is neither a BaseModel of that name in namespace "
            f"{namespace!r} nor a ClusterBaseModel"
        )
    return ""


def _benchmark(spec: Mapping[str, Any]) -> str:
    endpoint = spec["endpoint"]
    if bool(endpoint.get("endpoint")) == bool(endpoint.get("inferenceService")):
        return "endpoint: name an InferenceService or a URL, one of them"
    for scenario in spec.get("trafficScenarios") or []:
        if spec["task"] == "text-to-text" and not _TEXT_SCENARIO.fullmatch(scenario):
            return f"trafficScenarios: {scenario!r} is no scenario of {spec['task']}"
    return ""
