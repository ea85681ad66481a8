"""Folders of a node, filled, read and removed by pods: wherever the cluster runs, it works."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from airtune.testing.ome_api import OmeApi, namespaced
from airtune.testing.ome_merge import Json
from airtune.testing.ome_resources import FAKE_IMAGE

ROOT = "/var/tmp"  # noqa: S108 - of the node
_POD_S = 90.0


@dataclass
class NodeFolder:
    """A folder of one node.

    Attributes:
        namespace: for the pods that work in it.
        node: its name.
        path: on the node.
    """

    api: OmeApi
    namespace: str
    node: str
    path: str
    _pods: int = field(default=0, init=False)

    def run(
        self,
        script: str,
        *,
        claim: str | None = None,
        namespace: str | None = None,
        files: Mapping[str, str] | None = None,
    ) -> str:
        """What a shell script says in a pod that has the folder's parent at ``/node``.

        Args:
            claim: PersistentVolumeClaim of ``namespace`` to mount at ``/claim`` instead.
            files: name → text, a few hundred kilobytes at most, found in ``/files``.

        Raises:
            RuntimeError: the script failed, or did not end in 90 s.
        """
        space = namespace or self.namespace
        self._pods += 1
        name = f"node-folder-{self._pods}"
        if files:
            data = {"metadata": {"name": name}, "data": dict(files)}
            self.api.post(namespaced("/api/v1", "configmaps", space), data)
        path = namespaced("/api/v1", "pods", space)
        self.api.post(path, self._pod(name, script, claim, bool(files)))
        try:
            phase = self._end_of(f"{path}/{name}")
            said = self.api.text(f"{path}/{name}/log")
        finally:
            self.api.remove(f"{path}/{name}", gracePeriodSeconds="0")
            self.api.remove(namespaced("/api/v1", "configmaps", space, name))
        if phase != "Succeeded":
            raise RuntimeError(f"pod {name} {phase}: {said}")
        return said

    def _pod(self, name: str, script: str, claim: str | None, with_files: bool) -> Json:
        parent = self.path.rpartition("/")[0]
        source: Json = {"hostPath": {"path": parent}}
        if claim:
            source = {"persistentVolumeClaim": {"claimName": claim}}
        volumes = [{"name": "there", **source}]
        mounts = [{"name": "there", "mountPath": "/claim" if claim else "/node"}]
        if with_files:
            volumes.append({"name": "files", "configMap": {"name": name}})
            mounts.append({"name": "files", "mountPath": "/files"})
        container = {
            "name": "work",
            "image": FAKE_IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-ec", script],
            "volumeMounts": mounts,
        }
        spec = {
            "nodeName": self.node,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "containers": [container],
            "volumes": volumes,
        }
        return {"metadata": {"name": name}, "spec": spec}

    def _end_of(self, path: str) -> str:
        give_up_at = time.monotonic() + _POD_S
        while time.monotonic() < give_up_at:
            phase = str(self.api.get(path)["status"].get("phase", "Pending"))
            if phase in {"Succeeded", "Failed"}:
                return phase
            time.sleep(0.2)
        return "did not end"


@contextmanager
def node_folder(
    api: OmeApi,
    namespace: str,
    name: str,
    files: Mapping[str, str],
    needed: Callable[[], bool] = lambda: False,
) -> Iterator[NodeFolder]:
    """A folder on a node that pods may run on, removed at the end.

    Args:
        name: of the folder.
        files: its ``model/`` gets: name → text.
        needed: asked at the end whether somebody else uses it by now: then it stays.
    """
    folder = NodeFolder(api, namespace, _a_node(api), f"{ROOT}/{name}")
    folder.run(f"mkdir -p /node/{name}/model; cp /files/* /node/{name}/model/", files=files)
    try:
        yield folder
    finally:
        if not needed():
            folder.run(f"rm -rf /node/{name}")


def _a_node(api: OmeApi) -> str:
    for node in api.items("/api/v1/nodes"):
        taints = node["spec"].get("taints") or []
        if not any(one["effect"] != "PreferNoSchedule" for one in taints):
            return str(node["metadata"]["name"])
    raise RuntimeError("the cluster has no node without taints")
