"""One call of the benchmark client as a pod, in the steps that the provider's operator takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from airtune.errors import TrialFailed
from airtune.launchers.client_end import ALMOST_DONE, ClientEnd, Why
from airtune.launchers.kubernetes import names, paths
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json
from airtune.launchers.kubernetes.client_files import fetch_files, put_files
from airtune.launchers.kubernetes.client_output import PodOutput
from airtune.launchers.kubernetes.client_pod import CONTAINER, FILES, ClientPodOrder, client_pod
from airtune.launchers.kubernetes.client_trouble import gone, pending_too_long, trouble
from airtune.launchers.kubernetes.clients import end_clients, remove_pods
from airtune.launchers.kubernetes.pods import PodState
from airtune.records import Failure, FailureClass

_WAIT_S = 0.1
_LOOK_S = 0.5
_POLL_S = 0.2
_REST_S = 5.0
_PATIENCE_S = 60.0

_OF_SLOT = (names.INSTALLATION, names.RUN, names.SLOT, names.ROLE)
_NOT_FOUND = 404
_PASSING = frozenset({0, 400, 404, 409, 429, 500, 502, 503, 504})
"""How exec answers while API server or node is away, or the container has just ended. Elsewhere
HTTP 400 and 404 would be the task's fault."""


@dataclass
class ClientCall:
    """A client's pod: ``make_room``, create ``manifest``, ``created``, ``start``, ``follow``,
    ``fetch``; and ``remove`` whatever has happened.

    Every step raises ``ApiRefused``, or ``TrialFailed``: ``image``: the client's image cannot be
    had; ``infrastructure``: no room, or the pod has gone; ``cancelled``: a newer attempt runs its
    client.

    Attributes:
        limit_s: for the client, from its start.
        feed: gets its output as it comes.
        complete: looks at ``order.into``; asked only once the client says that it is almost done.
        should_stop: asked twice a second.
        pod: as it was seen last.
        end: None until the client has come to one.
    """

    api: ClusterApi
    order: ClientPodOrder
    limit_s: float
    feed: Callable[[bytes], None]
    complete: Callable[[], bool] = field(default=lambda: False)
    should_stop: Callable[[], bool] = field(default=lambda: False)
    pod: Json | None = None
    end: ClientEnd | None = None
    _output: PodOutput | None = field(default=None, init=False)

    @property
    def manifest(self) -> Json:
        """What is to be created, before the provider adds its side-car."""
        return client_pod(self.order)

    def make_room(self) -> None:
        """End the slot's clients of this and earlier attempts; their name is the lock."""
        order = self.order
        end_clients(
            self.api, order.namespace, order.installation, order.run, order.slot, order.attempt
        )
        holder = self._read()
        if holder is None:
            return
        labels = holder["metadata"].get("labels") or {}
        own = self.manifest["metadata"]["labels"]
        if all(labels.get(key) == own[key] for key in _OF_SLOT):
            raise _failed(
                FailureClass.CANCELLED, "A newer attempt of this slot already runs its client."
            )
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"The name {order.name} in the namespace {order.namespace} is taken by a pod that is "
            "not airtune's; remove it.",
        )

    def start(self) -> None:
        """Wait until the client runs, giving it its files on the way."""
        # Created before asking: a newer attempt either finds the pod and removes it, or has
        # entered before and is seen here.
        if not self.order.is_current():
            self.end = ClientEnd("fenced_off", None, 0.0)
            return
        deadline = time.monotonic() + self.order.pending_limit_s
        given = False
        while self.end is None:
            pod = self._look()
            if failure := trouble(pod, self.order):
                raise TrialFailed(failure)
            state = PodState.of(pod, CONTAINER)
            if state.started_at is not None:
                return
            if not given and _running(pod, FILES):
                with _unless_passing():
                    put_files(self.api, self.order)
                    given = True
            if self.should_stop():
                self.end = ClientEnd("stopped", None, 0.0)
            elif time.monotonic() > deadline:
                raise TrialFailed(pending_too_long(state, self.order))
            else:
                time.sleep(_POLL_S)

    def follow(self) -> None:
        """Pass on what the client prints until it comes to an end, which is then ``end``."""
        if self.end is not None:
            return
        began = time.monotonic()
        order = self.order
        self._output = PodOutput(self.api, order.namespace, order.name, CONTAINER)
        why, code = self._follow(self._output, began + self.limit_s), None
        if why == "ended":
            code = self._code()
            self.feed(self._output.finish(_REST_S))
            if not order.is_current():
                why, code = "fenced_off", None  # the newer attempt has ended it
        else:
            self.feed(self._output.take(0.0))
        self.end = ClientEnd(why, code, time.monotonic() - began)

    def fetch(self) -> None:
        """Bring what the client has left to this host."""
        if not self._output or not self.end or self.end.why in {"complete", "fenced_off"}:
            return
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fetch_files(self.api, self.order)
                return
            except ApiRefused as error:
                if error.status not in _PASSING:
                    raise
                if time.monotonic() > deadline:
                    # What the pod is made of was not refused, so it is not the task's.
                    reason = f"The client's files could not be fetched: {error.message}."
                    raise _failed(FailureClass.INFRASTRUCTURE, reason) from error
            time.sleep(_LOOK_S)

    def remove(self) -> None:
        """Remove the pod and see it gone; idempotent. No other attempt's is touched."""
        try:
            pod = self._read()
            mine = str(self.order.attempt)
            if pod and (pod["metadata"].get("labels") or {}).get(names.ATTEMPT) == mine:
                name, uid = self.order.name, str(pod["metadata"]["uid"])
                remove_pods(self.api, self.order.namespace, [(name, uid)])
        finally:
            if self._output:
                self._output.close()  # its output ends with it

    def _follow(self, output: PodOutput, deadline: float) -> Why:
        almost_done, next_look = False, 0.0
        while True:
            if chunk := output.take(_WAIT_S):
                almost_done = almost_done or ALMOST_DONE in chunk
                self.feed(chunk)
            now = time.monotonic()
            if now >= next_look:
                next_look = now + _LOOK_S
                if self._code() is not None:
                    return "ended"
                if self.should_stop():
                    return "stopped"
                with _unless_passing():
                    if almost_done and fetch_files(self.api, self.order) and self.complete():
                        return "complete"
            if now > deadline:
                return "limit"

    def _code(self) -> int | None:
        """The client's exit code, once it has ended."""
        pod = self._look()
        ended = PodState.of(pod, CONTAINER).terminated
        if ended is None and pod.get("status", {}).get("phase") == "Failed":
            raise TrialFailed(gone(pod, self.order))
        return None if ended is None else ended.code

    def _look(self) -> Json:
        pod = self._read()
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            if not self.order.is_current():
                raise _failed(
                    FailureClass.CANCELLED, "A newer attempt of this slot has ended this client."
                )
            raise TrialFailed(gone(pod or self.pod, self.order))
        self.pod = pod
        return pod

    def _read(self) -> Json | None:
        try:
            return self.api.get(paths.pods(self.order.namespace, self.order.name))
        except ApiRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise


@contextmanager
def _unless_passing() -> Iterator[None]:
    """While API server, node or container is away, how the pod is tells more: it is looked at."""
    try:
        yield
    except ApiRefused as error:
        if error.status not in _PASSING:
            raise


def _running(pod: Json, init_container: str) -> bool:
    statuses = pod.get("status", {}).get("initContainerStatuses") or ()
    return any(one["name"] == init_container and "running" in one["state"] for one in statuses)


def _failed(failure_class: FailureClass, reason: str) -> TrialFailed:
    return TrialFailed(Failure(failure_class=failure_class, reason=reason))
