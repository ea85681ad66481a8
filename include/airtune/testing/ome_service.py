"""What the stand-in controller makes of an InferenceService: a Deployment and two Services."""

from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_merge import Json
from airtune.testing.ome_names import COMPONENT, PORT, SERVICE, engine_name, owned_by

_NOT_OF_SERVICES = ("k8s.grafana.com/", "loki.grafana.com/", "prometheus.io/", "networking.gke.io/")


def deployment(
    service: Mapping[str, Any],
    engine: Mapping[str, Any],
    pod: Mapping[str, Any],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> Json:
    """The Deployment ``<name>-engine``; an edit rolls a second set of pods out beside the first.

    Args:
        engine: merged, see ``ome_runtime``.
        pod: its pod spec.
    """
    app = engine_name(service["metadata"]["name"])
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spec = {
        "replicas": engine.get("minReplicas", 1),
        "selector": {"matchLabels": {"app": app}},
        "strategy": engine.get("deploymentStrategy") or rolling,
        "progressDeadlineSeconds": 600,
        "template": {
            "metadata": {"labels": dict(labels), "annotations": dict(annotations)},
            "spec": {"terminationGracePeriodSeconds": 30, **pod},
        },
    }
    metadata = _metadata(service, app, labels, annotations)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def engine_service(
    service: Mapping[str, Any],
    pod: Mapping[str, Any],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> Json:
    """The Service ``<name>-engine``, with the ports that the first container declares."""
    app = engine_name(service["metadata"]["name"])
    kept = {k: v for k, v in annotations.items() if not k.startswith(_NOT_OF_SERVICES)}
    container = pod["containers"][0]
    ports = [
        {"name": one.get("name", ""), "port": one["containerPort"]}
        for one in container.get("ports") or []
    ]
    return _service(
        _metadata(service, app, labels, kept),
        {"app": app},
        ports or [{"name": container["name"], "port": PORT}],
    )


def outer_service(service: Mapping[str, Any], port: int) -> Json:
    """The Service ``<name>``: what clients use, and what the status names."""
    name = service["metadata"]["name"]
    labels = {SERVICE: name, COMPONENT: "external-service"}
    return _service(
        _metadata(service, name, labels, {}),
        {SERVICE: name, COMPONENT: "engine"},
        [{"name": "http", "port": port}],
    )


def _service(metadata: Json, selector: dict[str, str], ports: list[Json]) -> Json:
    listed = [
        {key: value for key, value in one.items() if value != ""}
        | {"targetPort": one["port"], "protocol": "TCP"}
        for one in ports
    ]
    spec = {"type": "ClusterIP", "selector": selector, "ports": listed}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _metadata(
    service: Mapping[str, Any],
    name: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> Json:
    return {
        "name": name,
        "namespace": service["metadata"]["namespace"],
        "labels": dict(labels),
        "annotations": dict(annotations),
        "ownerReferences": owned_by(service),
    }
