"""REST paths of objects."""

from airtune.launchers.kubernetes.api import Json


def path_of(version: str, kind: str, namespace: str = "", name: str = "") -> str:
    """Path of one object, or of the collection where ``name`` is empty.

    Args:
        version: ``apiVersion``: ``v1``, or group and version.
        kind: ``Pod``; the resource is its name in lower case with an s.
        namespace: empty for objects of the cluster, and to list all namespaces.
    """
    words = ["api" if "/" not in version else "apis", version]
    if namespace:
        words += ["namespaces", namespace]
    words.append(f"{kind.lower()}s")
    if name:
        words.append(name)
    return "/" + "/".join(words)


def pods(namespace: str, name: str = "") -> str:
    """Path of a pod, or of all pods."""
    return path_of("v1", "Pod", namespace, name)


def services(namespace: str, name: str = "") -> str:
    """Path of a Service, or of all Services."""
    return path_of("v1", "Service", namespace, name)


def collection_of(manifest: Json) -> str:
    """Where an object like this is created."""
    namespace = str(manifest["metadata"].get("namespace") or "")
    return path_of(manifest["apiVersion"], manifest["kind"], namespace)


def place_of(manifest: Json) -> str:
    """Path of this object itself."""
    return f"{collection_of(manifest)}/{manifest['metadata']['name']}"
