"""A cluster with OME in it, as far as tests need: CRDs, stand-in controller, models, storage."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from airtune.testing.ome_api import OmeApi, connected, path_of
from airtune.testing.ome_claim import a_claim, a_volume
from airtune.testing.ome_crds import crds
from airtune.testing.ome_merge import Json
from airtune.testing.ome_namespaces import Namespaces
from airtune.testing.ome_resources import ready_made
from airtune.testing.ome_stand_in import RETRY_PAUSES_S, StandIn, stand_in
from airtune.testing.ome_storage import NodeFolder, node_folder
from airtune.testing.ome_tokenizer import tokenizer_files
from airtune.testing.ome_webhook import any_webhook

FOLDER = "airtune-test-ome"
"""Name of the folder on the node."""

_GONE_S = 180.0
_ORDERLY_S = 30.0


@dataclass
class Ome:
    """What tests on it use.

    Attributes:
        kubeconfig: of an administrator.
        controller: the stand-in.
        prefix: of all its namespaces.
        folder: a node's, with a tokenizer in ``model/``.
    """

    kubeconfig: Path
    api: OmeApi
    controller: StandIn
    prefix: str
    folder: NodeFolder
    _spaces: Namespaces
    _objects: ExitStack

    def namespace(self) -> str:
        """A new namespace, removed with everything in it at the end."""
        return self._spaces.new()

    def drop(self, namespace: str) -> None:
        """Begin to remove a namespace; the end waits until it is gone."""
        self._spaces.drop(namespace)

    def make(self, manifest: Json) -> Json:
        """Create an object with strict validation; what belongs to no namespace is removed again.

        Raises:
            ApiRefused: it is there already, or refused.
        """
        path = path_of(manifest)
        made = self.api.post(path.rpartition("/")[0], manifest, fieldValidation="Strict")
        if "namespace" not in manifest["metadata"]:
            self._objects.callback(self.api.remove, path)
        return made

    def results_claim(self, namespace: str, name: str = "benchmark-results") -> str:
        """A PersistentVolumeClaim that any user of a pod may write to; returns its name.

        Its volume is a folder of the node; no StorageClass is needed.
        """
        volume, here = f"{namespace}-{name}", f"{self.folder.path}/{namespace}-{name}"
        parent = self.folder.path.rpartition("/")[2]
        inside = f"/node/{parent}/{namespace}-{name}"
        self.folder.run(f"mkdir {inside}; chmod 777 {inside}")
        self.make(a_volume(volume, here, namespace, name, self.folder.node))
        self.make(a_claim(namespace, name, volume))
        return name

    def files(self, namespace: str, claim: str) -> list[str]:
        """All files of a claim, by their path in it, sorted."""
        said = self.folder.run("cd /claim; find . -type f", claim=claim, namespace=namespace)
        return sorted(line.removeprefix("./") for line in said.splitlines())


@contextmanager
def ome_cluster(
    kubeconfig: Path,
    crd_folder: Path,
    *,
    prefix: str = "",
    retry_pauses: Sequence[float] = RETRY_PAUSES_S,
    words: Sequence[str] = (),
    log: Path | None = None,
) -> Iterator[Ome]:
    """OME in the cluster of ``kubeconfig`` while the block runs; what it makes is removed.

    Several can be in one cluster: each looks after its own namespaces, and the last one to leave
    removes the ready-made models and runtimes, their folder, and what it has installed.

    Args:
        crd_folder: OME's definitions; those that are installed already stay.
        prefix: of all namespaces that belong to it; empty: one drawn at random.
        retry_pauses, words, log: of ``stand_in``.

    Raises:
        RuntimeError: see ``stand_in``; a pod that prepares a node failed.
        TimeoutError: a namespace is not gone after three minutes.
        ApiRefused: the API server refused something.
    """
    prefix = prefix or f"ome-{secrets.token_hex(3)}"
    with ExitStack() as stack:
        api = connected(kubeconfig)
        stack.callback(api.close)
        needed = partial(any_webhook, api)
        stack.enter_context(crds(api, crd_folder, needed))
        own = Namespaces(api, f"{prefix}-own", prefix)
        stack.callback(own.leave, _GONE_S)
        place = node_folder(api, own.new(), FOLDER, tokenizer_files(), needed)
        folder = stack.enter_context(place)
        stack.callback(_remove_ready_made, api, folder.path, needed)
        for manifest in ready_made(folder.path):
            api.apply(path_of(manifest), manifest)
        objects = stack.enter_context(ExitStack())
        spaces = Namespaces(api, prefix, prefix)
        stack.callback(spaces.leave, _GONE_S)
        given = [f"--node={folder.node}", *words]
        with stand_in(
            kubeconfig, namespace_prefix=prefix, retry_pauses=retry_pauses, words=given, log=log
        ) as controller:
            yield Ome(kubeconfig, api, controller, prefix, folder, spaces, objects)
            # In good order first; what it cannot let go is let go when it has ended.
            with suppress(TimeoutError):
                spaces.leave(_ORDERLY_S if controller.runs else 0.0)


def _remove_ready_made(api: OmeApi, folder: str, needed: Callable[[], bool]) -> None:
    for manifest in [] if needed() else ready_made(folder):
        api.remove(path_of(manifest))
