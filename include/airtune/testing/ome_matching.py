"""Whether a runtime can serve a model, as far as the stand-in controller looks."""

from collections.abc import Mapping
from typing import Any

Spec = Mapping[str, Any]

_UNITS = {"M": 1e6, "B": 1e9, "T": 1e12}


def why_not(runtime: Spec, model: Spec) -> str:
    """Why ``runtime`` cannot serve ``model`` (both are specs); empty if it can.

    One of the runtime's ``supportedModelFormats`` has to agree in format, framework (names and
    versions), architecture and quantisation: what only one of the two names is a mismatch.
    Versions are compared as text; OME's other operators than Equal are not known here.
    """
    if runtime.get("disabled"):
        return "the runtime is disabled"
    formats = runtime.get("supportedModelFormats") or []
    reasons = [_mismatch(one, model) for one in formats]
    if not reasons:
        return "the runtime supports no model format"
    if all(reasons):
        return "; ".join(reasons)
    return _outside(runtime.get("modelSizeRange") or {}, model.get("modelParameterSize"))


def _mismatch(supported: Spec, model: Spec) -> str:
    for field in ("modelFormat", "modelFramework"):
        ours, theirs = _named(supported.get(field)), _named(model.get(field))
        if ours != theirs:
            return f"{field}: the model has {theirs}, the runtime {ours}"
    for field in ("modelArchitecture", "quantization"):
        if supported.get(field) != model.get(field):
            return f"{field}: the model has {model.get(field)}, the runtime {supported.get(field)}"
    return ""


def _named(part: Spec | None) -> tuple[str, str | None] | None:
    return None if part is None else (part["name"], part.get("version"))


def _outside(bounds: Spec, size: str | None) -> str:
    if not size or not bounds:
        return ""
    if _count(bounds["min"]) <= _count(size) <= _count(bounds["max"]):
        return ""
    return f"model size {size} lies outside of {bounds['min']} to {bounds['max']}"


def _count(size: str) -> float:
    unit = _UNITS.get(size[-1:], 1.0)
    return float(size.rstrip("MBT")) * unit
