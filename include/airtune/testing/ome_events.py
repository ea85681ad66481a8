"""Events about an InferenceService: the only place where OME tells some faults."""

import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.testing.ome_api import OmeApi, namespaced

_SOURCE = "v1beta1Controllers"


def tell(api: OmeApi, about: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
    """Make an Event, or count it once more.

    Args:
        about: the object.
        kind: ``Normal`` or ``Warning``.

    Raises:
        ApiRefused: of another cause than that the Event, or its namespace, is there or going.
    """
    metadata = about["metadata"]
    digest = hashlib.sha256(f"{metadata['uid']}{reason}{message}".encode()).hexdigest()[:12]
    name, now = f"{metadata['name']}.{digest}", _now()
    path = namespaced("/api/v1", "events", metadata["namespace"])
    found = api.find(f"{path}/{name}")
    if found:
        api.patch(f"{path}/{name}", {"count": found.get("count", 1) + 1, "lastTimestamp": now})
        return
    reference = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion")}
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "involvedObject": {"apiVersion": about["apiVersion"], "kind": about["kind"], **reference},
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": _SOURCE},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        api.post(path, body)
    except ApiRefused as refused:
        if refused.status not in {403, 409}:  # the namespace is being removed; it is there
            raise


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
