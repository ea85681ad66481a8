"""Waiting for a server in a cluster: for room, for its image, and until it is ready."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import logs
from airtune.launchers.kubernetes.api import Api, ApiRefused
from airtune.launchers.kubernetes.deadlines import Deadlines
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.phases import Phase, phase_of, waits_for
from airtune.launchers.kubernetes.stamps import ahead_s
from airtune.launchers.kubernetes.watch import View, naming_log, view
from airtune.launchers.kubernetes.watcher import Listed, Pods, Watcher
from airtune.launchers.launcher import Order, StillStarting
from airtune.launchers.probe import Pending, Readiness, check_ready
from airtune.launchers.wait import Impatient, wait_until_ready
from airtune.records import Endpoint, Failure, FailureClass

Url = Callable[[Endpoint], str]
Look = Callable[[], Failure | Pending | None]

OUTAGE_S = 60.0
"""So long the API server may be away before that is a failure of its own."""
_UNHEARD_S = 15.0
"""Pods are listed every 10 s: after so long the API server is away, whatever was seen last."""
_AWAY = frozenset({0, 429, 500, 502, 503, 504})
_OWNER_EVERY_S = 0.5


def poll(
    api: Api,
    endpoint: Endpoint,
    readiness: Readiness,
    timeout_s: float,
    *,
    url: Url,
    look: Look,
) -> Failure | Pending | None:
    """Look once: None when the server is ready, or waits for something else than it did.

    Another phase has another time limit, which is for somebody who ends servers to watch.

    Args:
        timeout_s: for the completion, > 0.
        url: how this process reaches it.
        look: what the object in front of the pods says; asked after the pods.

    Raises:
        ApiRefused: the API server refuses to tell, or does not answer.
    """
    handle = _handle(endpoint)
    found, seen = _look(api, endpoint, readiness, timeout_s, Listed(api, handle), url, look)
    if isinstance(found, Pending) and handle.phase not in {"", phase_of(seen.state)}:
        return None
    return found


def wait_for(
    api: Api,
    order: Order,
    endpoint: Endpoint,
    patience_s: float,
    *,
    url: Url,
    look: Look,
    ordered_at: float | None = None,
) -> Endpoint:
    """The endpoint once it is ready; the server is left as it is, also on failure.

    Of OME's servers the pod that became ready is remembered in the handle.

    Args:
        patience_s: how long to wait here. Its time is over ``order.capacity_limit_s`` after its
            creation, ``order.pull_limit_s`` after it has a node, and ``order.start_limit_s``
            after its container's start, whoever has started it.
        url: how this process reaches it.
        look: what the object in front of the pods says; asked after the pods.
        ordered_at: when that object was made, epoch seconds of the cluster; None: the pod was.

    Raises:
        TrialFailed: it ended (class by what Kubernetes and its log say), refuses its requests,
            or a time is over: ``infrastructure``, ``image`` or ``startup_timeout``. Its log is
            saved then.
        StillStarting: patience is over, its time is not.
        ApiRefused: the API server refuses to tell, or was away for a minute.
    """
    until, handle = time.monotonic() + patience_s, _handle(endpoint)
    follower = logs.Follower(api, handle.namespace, handle.container, order.log, order.say)
    with Watcher(api, handle) as pods:
        deadlines = Deadlines(order, ahead_s(api), ordered_at)
        waiting = _Wait(api, order, endpoint, pods, deadlines, follower, url, _seldom(look))
        return waiting.until_ready(until)


@dataclass
class _Wait:
    """Waiting of one process for one server."""

    api: Api
    order: Order
    endpoint: Endpoint
    pods: Pods
    deadlines: Deadlines
    follower: logs.Follower
    url: Url
    look: Look
    seen: View = field(default_factory=lambda: View(None))
    said: set[str] = field(default_factory=set)
    refused: str = ""

    def until_ready(self, until: float) -> Endpoint:
        try:
            wait_until_ready(
                self._look,
                lambda: self.deadlines.of(self.seen.state),
                too_late=self._too_late,
                until=until,
                aside=self._aside,
            )
        except Impatient:
            deadline = time.time() + self.deadlines.of(self.seen.state) - time.monotonic()
            phase = str(phase_of(self.seen.state))
            raise StillStarting(_with(self.endpoint, phase=phase), deadline) from None
        except TrialFailed as error:
            failure = self._with_log(error.failure)
            raise TrialFailed(failure, self.deadlines.started_at(self.seen.state)) from error
        self._follow(now=True)
        return self._ready()

    def _look(self, left: float) -> Failure | Pending | None:
        try:
            found, self.seen = _look(
                self.api,
                self.endpoint,
                self.order.readiness,
                left,
                self.pods,
                self.url,
                self.look,
            )
        except ApiRefused as error:
            if error.status not in _AWAY or time.monotonic() - self.pods.good_at > OUTAGE_S:
                raise
            self.refused = error.message
            return Pending(reason=f"the API server does not answer: {error.message}")
        self.refused = ""
        return found

    def _aside(self) -> None:
        state = self.seen.state
        if state is None:
            return
        unseen = phase_of(state) is Phase.CAPACITY and not state.unschedulable
        text = waits_for(state, self.seen.events)
        if phase_of(state) is not Phase.START and not unseen and text not in self.said:
            self.said.add(text)
            self.order.say(text)
        self._follow()

    def _follow(self, *, now: bool = False) -> None:
        state = self.seen.state
        if state is not None and state.started_at is not None:
            self.follower.look(state.name, now=now)

    def _too_late(self, pending: Pending) -> Failure:
        unheard_s = time.monotonic() - self.pods.good_at
        if self.refused or unheard_s > _UNHEARD_S:
            # A server that is reached through it may be ready, or may have become so.
            reason = (
                f"The API server has not answered for {unheard_s:.0f} s when the server's time "
                f"was over ({self.refused or pending.reason})."
            )
            return Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason)
        return self.deadlines.over(self.seen.state, self.seen.events, pending)

    def _with_log(self, failure: Failure) -> Failure:
        handle, state = _handle(self.endpoint), self.seen.state
        if state is None:
            return failure
        logs.save(self.api, handle.namespace, state.name, handle.container, Path(self.order.log))
        written = logs.output(self.api, handle.namespace, state, handle.container)
        return naming_log(failure, handle, written)

    def _ready(self) -> Endpoint:
        handle, state = _handle(self.endpoint), self.seen.state
        if handle.launcher == "kubernetes" or state is None:
            return _with(self.endpoint, phase="")
        return _with(self.endpoint, phase="", pod=state.uid)


def _look(
    api: Api,
    endpoint: Endpoint,
    readiness: Readiness,
    timeout_s: float,
    source: Pods,
    url: Url,
    look: Look,
) -> tuple[Failure | Pending | None, View]:
    seen = view(api, _handle(endpoint), source, FailureClass.STARTUP_CRASH)
    if seen.failure:
        return seen.failure, seen
    owner = look()
    if isinstance(owner, Failure):
        return owner, seen
    if seen.state is None or not seen.state.running:
        waits = Pending(reason=waits_for(seen.state, seen.events))
        return (owner or waits) if seen.state is None else waits, seen
    found = check_ready(url(endpoint), readiness, timeout_s)
    if isinstance(found, Pending):
        # The completion may have taken long, and its container may have ended under it.
        seen = view(api, _handle(endpoint), source, FailureClass.STARTUP_CRASH)
        return seen.failure or found, seen
    return found or owner, seen


def _seldom(look: Look) -> Look:
    """``look``, asked at most twice a second."""
    asked_at, found = -_OWNER_EVERY_S, None

    def again() -> Failure | Pending | None:
        nonlocal asked_at, found
        if time.monotonic() - asked_at >= _OWNER_EVERY_S:
            found, asked_at = look(), time.monotonic()
        return found

    return again


def _handle(endpoint: Endpoint) -> Handle:
    return Handle.of(endpoint)


def _with(endpoint: Endpoint, **known: str) -> Endpoint:
    """``endpoint`` with these fields of its handle."""
    handle = _handle(endpoint).model_copy(update=known)
    return endpoint.model_copy(update={"handle": handle.model_dump(mode="json")})
