"""A running server's objects as manifests to be applied by hand, with nothing of airtune's left."""

from collections.abc import Mapping
from typing import Any

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.task.environment import is_secret

LABEL = "app.kubernetes.io/name"

_OURS = ("airtune/", "kubectl.kubernetes.io/")
_OF_THIS_POD = (
    "activeDeadlineSeconds",
    "nodeName",
    "preemptionPolicy",
    "priority",
    "serviceAccount",
    "serviceAccountName",
)
_OF_THIS_SERVICE = (
    "clusterIP",
    "clusterIPs",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "sessionAffinity",
)
_ACCOUNT = "kube-api-access-"
_ADDED = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})


def manifests_by_hand(api: Api, handle: Handle, name: str) -> list[Json]:
    """Pod and Service, or the InferenceService, as the API server stores them, under ``name``.

    Without airtune's labels nobody takes them for a run's and removes them.

    Args:
        name: of a Service: at most 63 lower case letters, digits and dashes.

    Raises:
        ApiRefused: they cannot be read.
    """
    if handle.launcher == "ome":
        found = [api.get(paths.path_of("ome.io/v1beta1", "InferenceService", *_of(handle)))]
    else:
        found = [api.get(paths.pods(*_of(handle))), api.get(paths.services(*_of(handle)))]
    return [_anew(one, name) for one in found]


def _of(handle: Handle) -> tuple[str, str]:
    return handle.namespace, handle.name


def _anew(stored: Json, name: str) -> Json:
    given, kind = stored["metadata"], stored["kind"]
    metadata: Json = {
        "name": name,
        "namespace": given["namespace"],
        "labels": _theirs(given.get("labels")) | {LABEL: name},
    }
    if annotations := _theirs(given.get("annotations")):
        metadata["annotations"] = annotations
    spec = _SPECS.get(kind, dict)(stored["spec"])
    if kind == "Service":
        spec["selector"] = {LABEL: name}
    return {
        "apiVersion": stored["apiVersion"],
        "kind": kind,
        "metadata": metadata,
        "spec": _without_secrets(spec),
    }


def _theirs(words: Mapping[str, str] | None) -> dict[str, str]:
    return {key: text for key, text in (words or {}).items() if not key.startswith(_OURS)}


def _pod(spec: Mapping[str, Any]) -> Json:
    """Without what the cluster has put in."""
    found = {key: value for key, value in spec.items() if key not in _OF_THIS_POD}
    found["tolerations"] = [
        one for one in spec.get("tolerations") or () if one.get("key") not in _ADDED
    ]
    found["volumes"] = [
        one for one in spec.get("volumes") or () if not one["name"].startswith(_ACCOUNT)
    ]
    for part in ("containers", "initContainers"):
        if part in spec:
            found[part] = [_container(one) for one in spec[part]]
    return {key: value for key, value in found.items() if value not in ([], {})}


def _container(spec: Mapping[str, Any]) -> Json:
    mounts = [one for one in spec.get("volumeMounts") or () if not one["name"].startswith(_ACCOUNT)]
    kept = {key: value for key, value in spec.items() if key != "volumeMounts"}
    return kept | ({"volumeMounts": mounts} if mounts else {})


def _service(spec: Mapping[str, Any]) -> Json:
    return {key: value for key, value in spec.items() if key not in _OF_THIS_SERVICE}


_SPECS = {"Pod": _pod, "Service": _service}


def _without_secrets(value: Any) -> Any:
    """A template may have a token in clear; the caller's own belongs there."""
    if isinstance(value, Mapping):
        return {key: _without_secrets(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_secrets(one) for one in value if not _is_secret(one)]
    return value


def _is_secret(one: Any) -> bool:
    return isinstance(one, Mapping) and "value" in one and is_secret(str(one.get("name", "")))
