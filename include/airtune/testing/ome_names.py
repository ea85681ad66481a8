"""Names, labels and annotations that OME gives to what it makes."""

import hashlib
from collections.abc import Mapping
from typing import Any

CONTAINER = "ome-container"
"""The engine's container."""

PORT = 8080
"""Of an engine whose container declares none."""

SERVICE = "ome.io/inferenceservice"
"""Label of everything that belongs to an InferenceService; its value is the name."""

COMPONENT = "component"

_NODE_LABELS = "models.ome.io"
_MODEL_NAME = 32
_UNSEEN = "kubectl.kubernetes.io/last-applied-configuration"


def node_label(model: Mapping[str, Any]) -> str:
    """Label that a node has, with the value ``Ready``, once the model lies on its disk.

    Args:
        model: a ClusterBaseModel, or a BaseModel if it has a namespace.
    """
    metadata = model["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace")
    if len(name) > _MODEL_NAME:  # OME hashes it in a way of its own, which nobody should rely on
        name = hashlib.sha256(name.encode()).hexdigest()[:_MODEL_NAME]
    kind = f"{namespace}.basemodel" if namespace else "clusterbasemodel"
    return f"{_NODE_LABELS}/{kind}.{name}"


def engine_name(service: str) -> str:
    """Of the Deployment and the inner Service."""
    return f"{service}-engine"


def labels(
    service: Mapping[str, Any], engine: Mapping[str, Any], model: Mapping[str, Any], runtime: str
) -> dict[str, str]:
    """Labels of the Deployment and its pods: the InferenceService's, the engine's, OME's own.

    Args:
        engine: what ``ome_runtime`` has merged.
        runtime: its name.
    """
    metadata, spec = service["metadata"], model["spec"]
    vendor = {"base-model-vendor": spec["vendor"]} if spec.get("vendor") else {}
    return {
        **metadata.get("labels", {}),
        **engine.get("labels", {}),
        SERVICE: metadata["name"],
        COMPONENT: "engine",
        "serving-runtime": runtime,
        "fine-tuned-serving": "false",
        "base-model-name": model["metadata"]["name"],
        "base-model-size": "SMALL",
        "base-model-type": "Serving",
        **vendor,
        "app": engine_name(metadata["name"]),
    }


def annotations(
    service: Mapping[str, Any], engine: Mapping[str, Any], model: Mapping[str, Any], runtime: str
) -> dict[str, str]:
    """Annotations of the same."""
    kept = {k: v for k, v in service["metadata"].get("annotations", {}).items() if k != _UNSEEN}
    form = model["spec"].get("modelFormat") or {}
    version = {"ome.io/base-model-format-version": form["version"]} if "version" in form else {}
    return {
        **kept,
        **engine.get("annotations", {}),
        "ome.io/base-model-name": model["metadata"]["name"],
        "ome.io/base-model-format": form.get("name", ""),
        **version,
        "ome.io/serving-runtime": runtime,
    }


def owned_by(owner: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Owner references of what ``owner`` controls: it is removed with it."""
    metadata = owner["metadata"]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return [reference]
