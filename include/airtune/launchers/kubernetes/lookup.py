"""Finding what airtune made in a cluster, by its labels and never by anything else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from airtune.launchers.kubernetes import names, paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json

Kind = Literal["kubernetes", "ome"]

_PODS = (("v1", "Pod"), ("v1", "Service"))
_OME = (("ome.io/v1beta1", "BenchmarkJob"), ("ome.io/v1beta1", "InferenceService"))
_ENDED = frozenset({"Succeeded", "Failed"})
_NOT_FOUND = 404


@dataclass(frozen=True)
class Found:
    """An object of ours that belongs to a slot.

    Attributes:
        manifest: as the API server tells it, ``apiVersion`` and ``kind`` included.
        role: ``server``, ``client`` …
        attempt: of the slot that made or adopted it.
    """

    manifest: Json
    role: str
    attempt: int

    @property
    def kind(self) -> str:
        """``Pod`` …"""
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where it is."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        """Tells it from another one of that name."""
        return str(self.manifest["metadata"]["uid"])

    @property
    def owners(self) -> set[str]:
        """uids of what it goes with."""
        return {one["uid"] for one in self.manifest["metadata"].get("ownerReferences") or ()}

    @property
    def controlled(self) -> bool:
        """A controller made it from something else, and would make it again."""
        owners = self.manifest["metadata"].get("ownerReferences") or ()
        return any(one.get("controller") for one in owners)

    @property
    def alive(self) -> bool:
        """It runs, or something runs behind it."""
        if self.kind == "Service":
            return False
        status = self.manifest.get("status") or {}
        return self.kind != "Pod" or status.get("phase") not in _ENDED


def found(
    api: Api, kind: Kind, installation: str, namespace: str, **labels: str
) -> Iterator[Found]:
    """Everything of ours with these labels that belongs to a slot, servers last.

    A kind of object that the cluster does not know (any more) has none.

    Args:
        namespace: empty for all.
        labels: as of ``names.selector``.
    """
    selector = names.selector(installation, **labels)
    for version, one in (*_PODS, *(_OME if kind == "ome" else ())):
        path = paths.path_of(version, one, namespace)
        for item in _listed(api, path, selector):
            has = item["metadata"]["labels"]
            if has.get(names.SLOT, "").isdigit() and has.get(names.ATTEMPT, "").isdigit():
                manifest = {"apiVersion": version, "kind": one} | item
                yield Found(manifest, has.get(names.ROLE, ""), int(has[names.ATTEMPT]))


def owners(api: Api, kind: Kind, installation: str, namespace: str) -> set[tuple[str, int, int]]:
    """``(run, slot, attempt)`` of everything of ours in the namespace.

    For the reaper, which asks whether they live.

    Raises:
        ApiRefused: it may not be looked at; a namespace that has gone has nothing.
    """
    return {
        names.owner(one.manifest["metadata"])
        for one in found(api, kind, installation, namespace)
        if names.RUN_ID in (one.manifest["metadata"].get("annotations") or {})
    }


def _listed(api: Api, path: str, selector: str) -> list[Json]:
    try:
        items: list[Json] = api.get(path, labelSelector=selector)["items"]
        return items
    except ApiRefused as error:
        if error.status == _NOT_FOUND:
            return []
        raise
