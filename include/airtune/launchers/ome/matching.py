"""Whether a runtime serves a model, as far as OME's rules can be told without asking OME."""

import re
from collections.abc import Mapping
from typing import Any

_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_SIZE = re.compile(r"([0-9.]+)\s*([KMBT]?)", re.IGNORECASE)

Spec = Mapping[str, Any]


def mismatch(model: Spec, runtime: Spec) -> str:
    """Why the runtime does not serve the model; empty if nothing speaks against it.

    Args:
        model, runtime: their specs.
    """
    for spec, what in ((model, "model"), (runtime, "runtime")):
        if spec.get("disabled"):
            return f"the {what} is disabled"
    formats = runtime.get("supportedModelFormats") or ()
    reasons = [_format(model, one) for one in formats]
    if not reasons:
        return "the runtime supports no model format at all"
    if all(reasons):
        return "; ".join(dict.fromkeys(reasons))
    return _size(model, runtime)


def _format(model: Spec, supported: Spec) -> str:
    for field, what in (("modelArchitecture", "architecture"), ("quantization", "quantization")):
        if reason := _alike(model.get(field), supported.get(field), what):
            return reason
    for field, what in (("modelFormat", "format"), ("modelFramework", "framework")):
        theirs, ours = supported.get(field), model.get(field)
        if theirs is None and field == "modelFormat":
            return "the runtime names no format"
        if reason := _alike((ours or {}).get("name"), (theirs or {}).get("name"), what):
            return reason
        if reason := _version(ours or {}, theirs or {}, f"{what} version"):
            return reason
    return ""


def _alike(ours: object, theirs: object, what: str) -> str:
    """Both say the same, or neither says anything."""
    if ours == theirs:
        return ""
    return f"{what}: the model says {ours or 'none'}, the runtime {theirs or 'none'}"


def _version(ours: Spec, theirs: Spec, what: str) -> str:
    """Only whether both have one, unless they have to be equal: OME orders versions itself."""
    one, other = ours.get("version"), theirs.get("version")
    if (one is None) != (other is None):
        return _alike(one, other, what)
    if theirs.get("operator") in {"GreaterThan", "GreaterThanOrEqual"}:
        return ""
    return "" if _numbers(one) == _numbers(other) else _alike(one, other, what)


def _numbers(version: object) -> list[str]:
    return [part.lstrip("0") or "0" for part in str(version).lstrip("vV").split(".")]


def _size(model: Spec, runtime: Spec) -> str:
    given, bounds = model.get("modelParameterSize"), runtime.get("modelSizeRange") or {}
    size, low, high = (_parameters(x) for x in (given, bounds.get("min"), bounds.get("max")))
    if size is None or low is None or high is None or low <= size <= high:
        return ""
    return f"the model has {given} parameters, the runtime serves {bounds['min']}–{bounds['max']}"


def _parameters(text: object) -> float | None:
    match = _SIZE.fullmatch(str(text)) if text is not None else None
    try:
        return float(match[1]) * _UNITS[match[2].upper()] if match else None
    except ValueError:
        return None
