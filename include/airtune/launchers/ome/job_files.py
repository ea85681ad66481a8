"""The results of a BenchmarkJob, fetched from its claim by a small pod, and removed there."""

import io
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airtune.errors import TrialFailed
from airtune.launchers.folders import MOST_FETCHED, too_large, unpack
from airtune.launchers.kubernetes import names, paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.events import events_of
from airtune.launchers.kubernetes.exec import ExecFailed, TooMuch
from airtune.launchers.kubernetes.judge import failure_of
from airtune.launchers.kubernetes.phases import waits_for
from airtune.launchers.kubernetes.pod_values import tolerations_of
from airtune.launchers.kubernetes.pods import PodState
from airtune.launchers.ome.benchmark_job import JobOrder, metadata_of
from airtune.records import Failure, FailureClass

CLAIM = "/claim"
"""Where the pod has the task's folder of the claim."""

_CONTAINER = "results"
_POLL_S = 0.2
_LIFE_S = 1800
_SMALL = {"cpu": "10m", "memory": "32Mi"}
_GPU = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}

Execute = Callable[[str, str, str, Sequence[str]], bytes]
"""Runs an argv list in ``(namespace, pod, container)``; its output. Raises as ``exec.run``."""


@dataclass(frozen=True)
class JobFiles:
    """What one call has left on the claim.

    Attributes:
        execute: how a program is run in the pod.
    """

    api: Api
    order: JobOrder
    execute: Execute

    @property
    def name(self) -> str:
        """The pod's."""
        order = self.order
        return names.object_name(order.installation, order.run, order.slot, "results")

    def collect(self, node: str, limit_s: float) -> bool:
        """Bring the files into ``order.into``, and remove them and older ones of the slot there.

        The pod is left: it is a client of the slot and is removed with those.

        Args:
            node: where the client ran: a claim may be for one node at a time.
            limit_s: for the pod's start.

        Returns:
            False if there are none.

        Raises:
            ApiRefused: the API server refused the pod.
            TrialFailed: ``benchmark_error``: they are too many; or the pod did not start.
        """
        self._start(node, limit_s)
        try:
            return self._fetch()
        finally:
            self._remove()

    def discard(self, node: str, limit_s: float) -> None:
        """Only remove them.

        Raises:
            ApiRefused: as ``collect``.
            TrialFailed: the pod did not start.
        """
        self._start(node, limit_s)
        self._remove()

    def _start(self, node: str, limit_s: float) -> None:
        path = paths.pods(self.order.namespace, self.name)
        pod = self._pod(node)
        self.api.post(paths.pods(self.order.namespace), pod, fieldValidation="Strict")
        deadline = time.monotonic() + limit_s
        while True:
            state = PodState.of(self.api.get(path), _CONTAINER)
            if state.running:
                return
            events = events_of(self.api, self.order.namespace, state.uid)
            crash = FailureClass.BENCHMARK_ERROR
            if failure := failure_of(state, events, "", self.order.server.engine, crash):
                raise self._failed(failure.failure_class, failure.reason)
            if time.monotonic() > deadline:
                why = f"It did not start within {limit_s:g} s: {waits_for(state, events)}."
                raise self._failed(FailureClass.INFRASTRUCTURE, why)
            time.sleep(_POLL_S)

    def _fetch(self) -> bool:
        order = self.order
        folder = f"{CLAIM}/{order.leaf}"
        try:
            archive = self._run("tar", "-C", folder, "-cf", "-", order.folder)
        except ExecFailed as error:
            if error.exit_code is None:
                raise self._failed(FailureClass.INFRASTRUCTURE, str(error)) from error
            return False  # the client had come to nothing
        except TooMuch as error:
            raise TrialFailed(too_large(Path(folder))) from error
        if len(archive) > MOST_FETCHED:
            raise TrialFailed(too_large(Path(folder)))
        return unpack(io.BytesIO(archive), order.into)

    def _remove(self) -> None:
        """Also what killed attempts have left; what cannot be removed keeps nobody waiting."""
        pattern = f"{self.order.name}-*"
        with suppress(ExecFailed, ApiRefused):
            self._run(
                *("find", CLAIM, "-mindepth", "1", "-maxdepth", "1", "-name", pattern),
                *("-exec", "rm", "-rf", "{}", "+"),
            )

    def _run(self, *argv: str) -> bytes:
        return self.execute(self.order.namespace, self.name, _CONTAINER, argv)

    def _pod(self, node: str) -> Json:
        order = self.order
        claim = {"claimName": order.claim}
        mount = {"name": "claim", "mountPath": CLAIM}
        container = {
            "name": _CONTAINER,
            "image": order.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", str(_LIFE_S)],
            "resources": {"requests": dict(_SMALL)},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [mount | ({"subPath": order.inside} if order.inside else {})],
        }
        spec: Json = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "activeDeadlineSeconds": _LIFE_S,
            "tolerations": [_GPU, *tolerations_of(order.client.tolerations)],
            "containers": [container],
            "volumes": [{"name": "claim", "persistentVolumeClaim": claim}],
        }
        if node:
            spec["affinity"] = _on(node)
        metadata = metadata_of(order, self.name)
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def _failed(self, failure_class: FailureClass, reason: str) -> TrialFailed:
        text = (
            f"The results of BenchmarkJob {self.order.namespace}/{self.order.name} could not be "
            f"fetched from the claim {self.order.claim} by the pod {self.name}: {reason}"
        )
        return TrialFailed(Failure(failure_class=failure_class, reason=text))


def _on(node: str) -> Json:
    named = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = [{"matchFields": [named]}]
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}
        }
    }
