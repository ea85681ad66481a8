"""The stand-in controller's work: what to look at, when, and what becomes of it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.testing import ome_benchmark, ome_inference
from airtune.testing.ome_api import OME, OmeApi
from airtune.testing.ome_attention import RETRY_PAUSES_S, Attention
from airtune.testing.ome_benchmark_pod import BenchmarkPod
from airtune.testing.ome_finalizer import FINALIZERS, hold, release
from airtune.testing.ome_lookup import Refused
from airtune.testing.ome_merge import Json
from airtune.testing.ome_names import SERVICE

LOG = logging.getLogger("ome-stand-in")
_KINDS = {"inferenceservices": "InferenceService", "benchmarkjobs": "BenchmarkJob"}
_SOON_S = (0.5, 1.0, 5.0, 15.0)
"""Pauses after an answer of the API server that may be another the next time, a conflict mostly."""


@dataclass
class Controller:
    """Looks at InferenceServices and BenchmarkJobs.

    Attributes:
        prefix: of the namespaces that it looks at; empty: all.
        pauses: seconds, ascending, after looks at what cannot be served.
        requeue_s: pause before a BenchmarkJob whose InferenceService was not ready is looked at
            again.
        pods: defaults of benchmark pods.
    """

    api: OmeApi
    prefix: str = ""
    pauses: Sequence[float] = RETRY_PAUSES_S
    requeue_s: float = 60.0
    pods: BenchmarkPod = field(default_factory=BenchmarkPod)

    def __post_init__(self) -> None:
        self._attention = Attention()

    def look(self) -> None:
        """One look at everything that has changed or is due. Raises ``ApiRefused``."""
        services = self._list("inferenceservices")
        jobs = self._list("benchmarkjobs")
        owned = self._owned("/apis/apps/v1/deployments", services, labelSelector=SERVICE)
        ran = self._owned("/apis/batch/v1/jobs", jobs, labelSelector="benchmark")
        self._attention.keep({one["metadata"]["uid"] for one in [*services, *jobs]})
        for one in services:
            make = partial(self._serve, one)
            self._one(one, owned, "inferenceservices", make)
        for one in jobs:
            make = partial(ome_benchmark.reconcile, self.api, one, self.pods)
            self._one(one, ran, "benchmarkjobs", make)

    def _serve(self, service: Json) -> bool:
        ome_inference.reconcile(self.api, service)
        return True

    def _one(
        self,
        one: Json,
        owned: Mapping[str, str],
        plural: str,
        make: Callable[[], bool],
    ) -> None:
        """One object, if it has changed or is due."""
        metadata, now = one["metadata"], time.monotonic()
        uid = metadata["uid"]
        version = f"{metadata['resourceVersion']} {owned.get(uid, '')}"
        if not self._attention.is_due(uid, version, now):
            return
        path = f"{OME}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
        try:
            if self._held(path, one, FINALIZERS[plural]):
                settled = make()
                again_at = None if settled else now + self.requeue_s
                self._attention.done(uid, version, again_at=again_at)
        except (Refused, ApiRefused) as error:
            pauses = self.pauses if isinstance(error, Refused) else _SOON_S
            pause = self._attention.failed(uid, version, now, pauses)
            LOG.warning("%s: %s; looked at again in %.1f s", path, error, pause)

    def _held(self, path: str, one: Json, finalizer: str) -> bool:
        """Whether there is work on an object that carries our finalizer."""
        has = finalizer in one["metadata"].get("finalizers", [])
        if "deletionTimestamp" in one["metadata"]:
            if has:
                release(self.api, path, one, finalizer)
            return False
        if not has:
            hold(self.api, path, one, finalizer)
            return False  # that is a change: the next look does the work
        return True

    def _list(self, plural: str) -> list[Json]:
        found = self.api.items(f"{OME}/{plural}")
        typed = {"apiVersion": "ome.io/v1beta1", "kind": _KINDS[plural]}
        ours = [one for one in found if one["metadata"]["namespace"].startswith(self.prefix)]
        return [one | typed for one in ours]

    def _owned(self, path: str, owners: list[Json], **query: str) -> dict[str, str]:
        """Owner's uid → version of what it owns."""
        versions: dict[str, str] = {}
        for one in self.api.items(path, **query) if owners else []:
            for owner in one["metadata"].get("ownerReferences", []):
                versions[owner["uid"]] = one["metadata"]["resourceVersion"]
        return versions
