"""REST paths of a fake API server: which kind, namespace, object and part one means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

CORE = "api/v1"
OME = "apis/ome.io/v1beta1"

KINDS: dict[tuple[str, str], tuple[str, bool]] = {
    (CORE, "namespaces"): ("Namespace", False),
    (CORE, "nodes"): ("Node", False),
    (CORE, "pods"): ("Pod", True),
    (CORE, "services"): ("Service", True),
    (CORE, "events"): ("Event", True),
    (CORE, "resourcequotas"): ("ResourceQuota", True),
    (CORE, "persistentvolumeclaims"): ("PersistentVolumeClaim", True),
    (CORE, "configmaps"): ("ConfigMap", True),
    (CORE, "secrets"): ("Secret", True),
    ("apis/storage.k8s.io/v1", "storageclasses"): ("StorageClass", False),
    ("apis/apps/v1", "deployments"): ("Deployment", True),
    ("apis/apps/v1", "replicasets"): ("ReplicaSet", True),
    ("apis/batch/v1", "jobs"): ("Job", True),
    ("apis/authorization.k8s.io/v1", "selfsubjectaccessreviews"): (
        "SelfSubjectAccessReview",
        False,
    ),
}
"""``(group and version, plural)`` → kind, and whether it lives in a namespace."""

OME_KINDS: dict[tuple[str, str], tuple[str, bool]] = {
    (OME, "inferenceservices"): ("InferenceService", True),
    (OME, "benchmarkjobs"): ("BenchmarkJob", True),
    (OME, "basemodels"): ("BaseModel", True),
    (OME, "servingruntimes"): ("ServingRuntime", True),
    (OME, "clusterbasemodels"): ("ClusterBaseModel", False),
    (OME, "clusterservingruntimes"): ("ClusterServingRuntime", False),
}
"""The same of OME's custom resources."""

_PATH = re.compile(
    r"/(?P<group>api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<part>.+))?)?"
)


@dataclass(frozen=True)
class Place:
    """What a path means.

    Attributes:
        namespace: empty for objects of the cluster, and for all namespaces.
        name: empty for a collection.
        part: ``log``, ``status`` …; empty for the object itself.
    """

    group: str
    plural: str
    kind: str
    namespace: str
    name: str
    part: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Under which the object is kept."""
        return self.group, self.plural, self.namespace, self.name


def place_of(path: str, kinds: Mapping[tuple[str, str], tuple[str, bool]]) -> Place | None:
    """What ``path`` means; None where the server has no such resource."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    found = {name: text or "" for name, text in match.groupdict().items()}
    kind = kinds.get((found["group"], found["plural"]))
    if kind is None or (found["namespace"] and not kind[1]):
        return None
    return Place(kind=kind[0], **found)
