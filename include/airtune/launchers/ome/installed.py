"""Whether OME is in the cluster: its kinds of objects, and where they are."""

from airtune.launchers.kubernetes.api import Api, ApiRefused
from airtune.launchers.kubernetes.paths import path_of

VERSION = "ome.io/v1beta1"
"""``apiVersion`` of all of OME's objects."""

SERVICE, JOB = "InferenceService", "BenchmarkJob"
MODELS = ("ClusterBaseModel", "BaseModel")
RUNTIMES = ("ClusterServingRuntime", "ServingRuntime")
"""The kinds of OME's objects that airtune deals with; those of the cluster come first."""

GUIDE = "docs/ome-installation.md says how to install OME."


def ome_path(kind: str, namespace: str = "", name: str = "") -> str:
    """REST path of one of OME's objects, or of all of a kind where ``name`` is empty.

    Args:
        namespace: not looked at for kinds of the cluster.
    """
    return path_of(VERSION, kind, "" if kind.startswith("Cluster") else namespace, name)


def missing_kinds(api: Api, *kinds: str) -> tuple[str, ...]:
    """Those of ``kinds`` (all that airtune needs, if none is given) that the cluster lacks.

    A definition that is being deleted counts as gone: nothing can be created by it any more.

    Raises:
        ApiRefused: the API server could not be asked.
    """
    wanted = kinds or (SERVICE, JOB, *MODELS, *RUNTIMES)
    try:
        found = api.get(f"/apis/{VERSION}").get("resources", ())
        known = {one["kind"] for one in found if "create" in one["verbs"]}
    except ApiRefused as error:
        if error.status != 404:
            raise
        known = set()
    return tuple(kind for kind in wanted if kind not in known)


def crd_of(kind: str) -> str:
    """Name of the CustomResourceDefinition of a kind."""
    return f"{kind.lower()}s.{VERSION.partition('/')[0]}"
