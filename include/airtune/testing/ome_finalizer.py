"""OME's finalizers: they hold a deleted object until the controller lets it go."""

from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_api import OME, OmeApi

FINALIZERS = {
    "inferenceservices": "inferenceservice.finalizers",
    "benchmarkjobs": "benchmarkjob.finalizers",
}
"""Plural of a kind → what holds its objects; while the controller is away they stay."""


def release(api: OmeApi, path: str, one: Mapping[str, Any], finalizer: str) -> None:
    """Take ``finalizer`` off an object that is being deleted."""
    kept = [name for name in one["metadata"].get("finalizers", []) if name != finalizer]
    api.patch(path, {"metadata": {"finalizers": kept}})


def hold(api: OmeApi, path: str, one: Mapping[str, Any], finalizer: str) -> None:
    """Put ``finalizer`` on an object."""
    kept = [*one["metadata"].get("finalizers", []), finalizer]
    version = one["metadata"]["resourceVersion"]
    api.patch(path, {"metadata": {"finalizers": kept, "resourceVersion": version}})


def release_all(api: OmeApi, prefix: str) -> None:
    """Let everything go in namespaces that begin with ``prefix``."""
    for plural, finalizer in FINALIZERS.items():
        for one in api.items(f"{OME}/{plural}"):
            metadata = one["metadata"]
            held = finalizer in metadata.get("finalizers", [])
            if held and metadata["namespace"].startswith(prefix):
                path = f"{OME}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
                release(api, path, one, finalizer)
