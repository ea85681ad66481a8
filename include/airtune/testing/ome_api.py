"""The API server as the stand-in controller and its fixtures talk to it, and OME's paths there."""

from collections.abc import Mapping
from pathlib import Path

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json

GROUP = "ome.io"
OME = f"/apis/{GROUP}/v1beta1"
MANAGER = "ome-stand-in"
"""Field manager of what is applied."""


class OmeApi(ClusterApi):
    """``ClusterApi`` with server-side apply; every method raises ``ApiRefused``."""

    def close(self) -> None:
        """End its connections."""
        self.client.rest_client.pool_manager.clear()
        self.client.close()

    def apply(self, path: str, body: Mapping[str, object], **query: str) -> Json:
        """Make an object, or make it say what ``body`` says; what it no longer says is removed."""
        query = {"fieldManager": MANAGER, "force": "true"} | query
        return self._json("PATCH", path, body, query, "application/apply-patch+yaml")

    def find(self, path: str) -> Json | None:
        """An object, None if there is none."""
        try:
            return self.get(path)
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Json]:
        """The objects of a list; none while their kind is not installed."""
        try:
            found: list[Json] = self.get(path, **query)["items"]
        except ApiRefused as refused:
            if refused.status == 404:
                return []
            raise
        return found

    def remove(self, path: str, **query: str) -> None:
        """Delete an object that may be gone already."""
        try:
            self.delete(path, None, **query)
        except ApiRefused as refused:
            if refused.status != 404:
                raise


def connected(kubeconfig: Path) -> OmeApi:
    """The API server of a kubeconfig's current context; to be closed.

    Raises:
        kubernetes.config.ConfigException: no kubeconfig.
    """
    from kubernetes.config import new_client_from_config

    return OmeApi(new_client_from_config(str(kubeconfig)))


def namespaced(group: str, kind: str, namespace: str, name: str = "") -> str:
    """Path of an object of a namespace, of the whole list without ``name``.

    Args:
        group: for example ``/api/v1`` or ``OME``.
        kind: its plural in lower case.
    """
    return f"{group}/namespaces/{namespace}/{kind}" + (f"/{name}" if name else "")


def path_of(manifest: Mapping[str, Json]) -> str:
    """Where an object of the kinds that the tests and examples use belongs.

    Raises:
        KeyError: of another kind.
    """
    kind, metadata = str(manifest["kind"]), manifest["metadata"]
    group, plural = _PLACES[kind]
    space = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{group}{space}/{plural}/{metadata['name']}"


_PLACES = {
    "BaseModel": (OME, "basemodels"),
    "BenchmarkJob": (OME, "benchmarkjobs"),
    "ClusterBaseModel": (OME, "clusterbasemodels"),
    "ClusterServingRuntime": (OME, "clusterservingruntimes"),
    "InferenceService": (OME, "inferenceservices"),
    "Namespace": ("/api/v1", "namespaces"),
    "PersistentVolume": ("/api/v1", "persistentvolumes"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Secret": ("/api/v1", "secrets"),
    "ServingRuntime": (OME, "servingruntimes"),
}
