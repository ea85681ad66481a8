"""Access to a cluster with exactly the rights of ``examples/kubernetes/rbac.yaml``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json

MANIFEST = Path(__file__).resolve().parents[3] / "examples" / "kubernetes" / "rbac.yaml"
ACCOUNT = "airtune"
NAMESPACE = "autotuner"
"""As the manifest has them."""

_COMPONENT = "app.kubernetes.io/component"
_TOKEN_S = 4 * 3600
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def limited_kubeconfig(
    admin_kubeconfig: Path, namespace: str, folder: Path, *, ome: bool = True
) -> Path:
    """A kubeconfig that may do what the manifest allows in ``namespace``, and no more.

    The namespace is made if it is absent; objects of the cluster get its name in theirs, and are
    removed by ``remove_rights``.

    Args:
        folder: where ``limited.kubeconfig`` is written, readable by its owner alone.
        ome: with the parts for OME.

    Raises:
        ApiRefused: the admin may not do that, or the cluster does not answer.
    """
    given = yaml.safe_load(admin_kubeconfig.read_text())
    api = _connected(admin_kubeconfig)
    try:
        _make(api, "/api/v1/namespaces", _named("v1", "Namespace", namespace))
        for manifest in manifests(namespace, ome=ome):
            _make(api, _collection(manifest), manifest)
        token = _token(api, namespace)
    finally:
        api.client.close()
    path = folder / "limited.kubeconfig"
    path.touch(mode=0o600)
    # JSON is YAML; yaml.dump would fold the certificate.
    path.write_text(json.dumps(_kubeconfig(given, admin_kubeconfig.parent, namespace, token)))
    return path


def remove_rights(admin_kubeconfig: Path, namespace: str) -> None:
    """Delete the objects of the cluster that ``limited_kubeconfig`` made for ``namespace``."""
    api = _connected(admin_kubeconfig)
    try:
        for manifest in manifests(namespace):
            if "namespace" not in manifest["metadata"]:
                _remove(api, f"{_collection(manifest)}/{manifest['metadata']['name']}")
    finally:
        api.client.close()


def manifests(namespace: str, *, ome: bool = True) -> Iterator[Json]:
    """The objects of the manifest, for another namespace."""
    for manifest in yaml.safe_load_all(MANIFEST.read_text()):
        metadata = manifest["metadata"]
        if not ome and metadata["labels"][_COMPONENT].startswith("ome"):
            continue
        if "namespace" in metadata:
            metadata["namespace"] = namespace
        else:
            metadata["name"] += f"-{namespace}"
            if "roleRef" in manifest:
                manifest["roleRef"]["name"] += f"-{namespace}"
        for subject in manifest.get("subjects", ()):
            subject["namespace"] = namespace
        yield manifest


def _connected(kubeconfig: Path) -> ClusterApi:
    from kubernetes.config import new_client_from_config

    return ClusterApi(new_client_from_config(str(kubeconfig)))


def _collection(manifest: Json) -> str:
    kind, namespace = manifest["kind"], manifest["metadata"].get("namespace")
    group = "/api/v1" if manifest["apiVersion"] == "v1" else _RBAC
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}{inside}/{kind.lower()}s"


def _named(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def _make(api: ClusterApi, collection: str, manifest: Json) -> None:
    try:
        api.post(collection, manifest, fieldValidation="Strict")
    except ApiRefused as refused:
        if refused.status != 409:
            raise
        if manifest["kind"] not in {"Namespace", "ServiceAccount"}:
            api.patch(f"{collection}/{manifest['metadata']['name']}", manifest)


def _remove(api: ClusterApi, path: str) -> None:
    try:
        api.delete(path)
    except ApiRefused as refused:
        if refused.status != 404:
            raise


def _token(api: ClusterApi, namespace: str) -> str:
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _TOKEN_S},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token"
    return str(api.post(path, request)["status"]["token"])


def _kubeconfig(given: Json, folder: Path, namespace: str, token: str) -> Json:
    """The admin's cluster with another user."""
    contexts = {one["name"]: one["context"] for one in given["contexts"]}
    clusters = {one["name"]: one["cluster"] for one in given["clusters"]}
    context = contexts[given.get("current-context") or next(iter(contexts))]
    cluster = dict(clusters[context["cluster"]])
    if "certificate-authority" in cluster:  # relative to the file that names it
        cluster["certificate-authority"] = str(folder / cluster["certificate-authority"])
    inside = {"cluster": "cluster", "user": ACCOUNT, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": ACCOUNT, "user": {"token": token}}],
        "contexts": [{"name": "limited", "context": inside}],
        "current-context": "limited",
    }
