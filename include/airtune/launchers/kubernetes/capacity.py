"""Whether a cluster could ever hold a pod, were it empty."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.quantity import quantity

Amounts = dict[str, Fraction]

_COMING = "models.ome.io/"
"""OME's model agent labels a node so once a model lies on its disk, which takes its time."""

_PASSING = "node.kubernetes.io/"
"""Taints of this prefix tell a node's state (not ready, cordoned, full), which may pass."""


def never_fits(api: Api, pod: Json) -> str | None:
    """Why no node of the cluster could ever hold ``pod``; None if one could, or nobody knows.

    A node could if its labels and taints allow the pod and everything that it has to give is as
    much as the pod asks for. Affinities are not looked at: they can only make it worse.

    Raises:
        ApiRefused: the API server does not answer; that nodes may not be listed is None.
    """
    try:
        nodes = api.get("/api/v1/nodes")["items"]
    except ApiRefused as error:
        if error.status in {401, 403}:
            return None
        raise
    return misfit(pod, nodes) if nodes else None


def misfit(pod: Json, nodes: Iterable[Json]) -> str | None:
    """The same for these nodes: what is wanted, the most that there is, and the fix."""
    nodes, spec = list(nodes), pod["spec"]
    wanted_labels = _lasting(spec.get("nodeSelector") or {})
    labelled = [node for node in nodes if _has_labels(node, wanted_labels)]
    if not labelled:
        return (
            f"No node has the labels {_pairs(wanted_labels)} ({len(nodes)} looked at). Correct "
            "kubernetes.node_selector or kubernetes.gpu_product, or label a node."
        )
    open_ones = [node for node in labelled if not _closed_by(node, spec)]
    if not open_ones:
        taints = sorted({_taint(one) for node in labelled for one in _closed_by(node, spec)})
        return (
            f"Every node that it may run on has a taint it does not tolerate: {', '.join(taints)}. "
            "Add it to kubernetes.tolerations."
        )
    wanted = requests_of(spec)
    if any(not _lacking(node, wanted) for node in open_ones):
        return None
    return _too_much(wanted, open_ones)


def _lasting(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if not key.startswith(_COMING)}


def requests_of(spec: Mapping[str, Any]) -> Amounts:
    """What a pod asks for: its containers together, or its largest init container."""
    total: Amounts = {}
    for container in spec["containers"]:
        for name, amount in _asked(container).items():
            total[name] = total.get(name, Fraction(0)) + amount
    for container in spec.get("initContainers") or ():
        for name, amount in _asked(container).items():
            total[name] = max(total.get(name, Fraction(0)), amount)
    for name, text in (spec.get("overhead") or {}).items():
        total[name] = total.get(name, Fraction(0)) + quantity(text)
    return {name: amount for name, amount in total.items() if amount > 0}


def _asked(container: Mapping[str, Any]) -> Amounts:
    resources = container.get("resources") or {}
    texts = (resources.get("limits") or {}) | (resources.get("requests") or {})
    return {name: quantity(text) for name, text in texts.items()}


def _too_much(wanted: Amounts, nodes: list[Json]) -> str:
    for name, amount in wanted.items():
        largest = max(nodes, key=lambda node: _has(node, name))
        if _has(largest, name) < amount:
            return (
                f"No node can ever hold it: it asks for {_shown(name, amount)} of {name}, and the "
                f"largest node ({largest['metadata']['name']}) has {_text(largest, name)}. "
                f"{_fix(name)}"
            )
    asked = ", ".join(f"{name} {_shown(name, amount)}" for name, amount in wanted.items())
    return (
        f"No node can ever hold it: none of {len(nodes)} has all of {asked} at once. Ask for less "
        "in kubernetes.requests and limits, or add a larger node."
    )


def _fix(name: str) -> str:
    if name in {"cpu", "memory", "ephemeral-storage"}:
        return "Ask for less in kubernetes.requests and limits, or add a larger node."
    return (
        "Ask for fewer (kubernetes.gpus, or less parallelism), correct kubernetes.gpu_resource, "
        "or add a node that has them."
    )


def _lacking(node: Json, wanted: Amounts) -> list[str]:
    return [name for name, amount in wanted.items() if _has(node, name) < amount]


def _has(node: Json, name: str) -> Fraction:
    return quantity(_text(node, name))


def _text(node: Json, name: str) -> str:
    return str((node["status"].get("allocatable") or {}).get(name, "0"))


def _has_labels(node: Json, wanted: Mapping[str, str]) -> bool:
    labels = node["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in wanted.items())


def _closed_by(node: Json, spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Taints that keep the pod off the node for good."""
    tolerations = spec.get("tolerations") or ()
    return [
        taint
        for taint in node["spec"].get("taints") or ()
        if taint["effect"] in {"NoSchedule", "NoExecute"}
        and not taint["key"].startswith(_PASSING)
        and not any(_tolerates(one, taint) for one in tolerations)
    ]


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    exists = toleration.get("operator") == "Exists"
    if not toleration.get("key"):
        return exists
    same = toleration.get("value") or ""
    return toleration["key"] == taint["key"] and (exists or same == (taint.get("value") or ""))


def _taint(taint: Mapping[str, Any]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _pairs(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def _shown(name: str, amount: Fraction) -> str:
    if name in {"memory", "ephemeral-storage"} and amount >= 2**20:
        unit, size = ("Gi", 2**30) if amount >= 2**30 else ("Mi", 2**20)
        return f"{float(amount / size):.4g}{unit}"
    return str(amount) if amount.denominator == 1 else f"{float(amount):.4g}"
