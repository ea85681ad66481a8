"""Waiting for a container's server to be ready, following its log meanwhile."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from airtune.errors import TrialFailed
from airtune.launchers.docker import logs
from airtune.launchers.docker.clock import ahead_s
from airtune.launchers.docker.handle import Handle
from airtune.launchers.docker.state import ContainerState
from airtune.launchers.docker.watch import end_of
from airtune.launchers.launcher import Order, StillStarting
from airtune.launchers.probe import Pending, Readiness, check_ready
from airtune.launchers.wait import Impatient, wait_until_ready
from airtune.records import Endpoint, Failure, FailureClass

_FOLLOW_EVERY_S = 1.0
_ONE_LOOK_S = 10.0
"""A server whose time is over is still looked at once more: it may have become ready."""


def poll(
    client: Any, endpoint: Endpoint, readiness: Readiness, timeout_s: float
) -> Failure | Pending | None:
    """Look once: None when the server is ready.

    Args:
        client: ``docker.APIClient``.
        timeout_s: for the completion, > 0.
    """
    if failure := end_of(client, Handle.of(endpoint), FailureClass.STARTUP_CRASH):
        return failure
    found = check_ready(endpoint.base_url, readiness, timeout_s)
    if isinstance(found, Pending):
        # The completion may have taken long, and its container may have ended under it.
        return end_of(client, Handle.of(endpoint), FailureClass.STARTUP_CRASH) or found
    return found


def wait_for(client: Any, order: Order, endpoint: Endpoint, patience_s: float) -> Endpoint:
    """The endpoint once it is ready; the server is left as it is, also on failure.

    Args:
        client: ``docker.APIClient``.
        patience_s: how long to wait here. Its time is over ``order.start_limit_s`` after the
            container's start, whoever has started it.

    Raises:
        TrialFailed: it ended (class by its state and log), refuses its requests, or time is
            over (``startup_timeout``). Its log is saved then.
        StillStarting: patience is over, its time is not.
    """
    deadline = _deadline(client, order, endpoint)
    return _Wait(client, order, endpoint, deadline).until_ready(patience_s)


def _deadline(client: Any, order: Order, endpoint: Endpoint) -> float:
    """Epoch seconds on this host's clock: so long after its start, or one look from now."""
    now = time.time()
    try:
        inspected = client.inspect_container(Handle.of(endpoint).container)
    except NotFound:  # the first look will say so
        return now + _ONE_LOOK_S
    started_at = ContainerState.of(inspected).started_at
    if started_at is None:
        return now + _ONE_LOOK_S
    deadline = started_at - ahead_s(client) + order.start_limit_s
    return deadline if deadline > now else now + _ONE_LOOK_S


@dataclass(frozen=True)
class _Wait:
    """Waiting of one process for one server.

    Attributes:
        client: ``docker.APIClient``.
        deadline: epoch seconds, when it must be ready.
    """

    client: Any
    order: Order
    endpoint: Endpoint
    deadline: float

    def until_ready(self, patience_s: float) -> Endpoint:
        handle = Handle.of(self.endpoint)
        try:
            self._wait(patience_s)
        except TrialFailed:
            logs.save(self.client, handle.container, self.order.log)
            raise
        return self.endpoint

    def _wait(self, patience_s: float) -> None:
        # On the monotonic clock from here on: a step of the clock must not end the wait.
        began = time.monotonic()
        over, until = began + self.deadline - time.time(), began + patience_s
        follower = logs.Follower(
            self.client, Handle.of(self.endpoint).container, self.order.log, self.order.say
        )
        following = _Following(follower)
        try:
            wait_until_ready(
                lambda left: poll(self.client, self.endpoint, self.order.readiness, left),
                lambda: over,
                too_late=self._too_late,
                until=until,
                aside=following.look,
            )
        except Impatient:
            raise StillStarting(self.endpoint, self.deadline) from None
        except TrialFailed as error:
            raise TrialFailed(self._with_log(error.failure)) from error
        follower.look()

    def _with_log(self, failure: Failure) -> Failure:
        if self._log in failure.reason:
            return failure
        reason = f"{failure.reason} Its log: {self._log}"
        return failure.model_copy(update={"reason": reason, "log_tail": self._tail()})

    def _too_late(self, state: Pending) -> Failure:
        return Failure(
            failure_class=FailureClass.STARTUP_TIMEOUT,
            reason=(
                f"The server was not ready {self.order.start_limit_s:.0f} s after its start "
                f"({state.reason}). See {self._log}; raise timeouts.start_s if it only needs "
                "longer."
            ),
            log_tail=self._tail(),
        )

    def _tail(self) -> str:
        text = logs.output(self.client, Handle.of(self.endpoint).container)
        return text[-logs.TAIL_CHARACTERS :]

    @property
    def _log(self) -> str:
        return str(Path(self.order.log))


class _Following:
    """A follower that looks once a second, however often it is asked."""

    def __init__(self, follower: logs.Follower) -> None:
        self._follower = follower
        self._next = 0.0

    def look(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._follower.look()
            self._next = now + _FOLLOW_EVERY_S
