"""Until when a server may wait for room, for its image, and to become ready."""

import math
import time
from collections.abc import Sequence

from airtune.launchers.kubernetes.events import Event
from airtune.launchers.kubernetes.judge import mount_trouble
from airtune.launchers.kubernetes.phases import Phase, phase_of, scheduler_says, waits_for
from airtune.launchers.kubernetes.pods import PodState
from airtune.launchers.launcher import Order
from airtune.launchers.probe import Pending
from airtune.records import Failure, FailureClass

_ONE_LOOK_S = 10.0
"""A server whose time is over is still looked at once more: it may have become ready."""


class Deadlines:
    """The time limits of one server, each counted from where the cluster says its phase began.

    Args:
        ahead_s: by which the cluster's clock is ahead of this host's.
        ordered_at: when the object in front of the pods was made, epoch seconds of the cluster;
            None: the pod's own creation counts.
    """

    def __init__(self, order: Order, ahead_s: float, ordered_at: float | None = None) -> None:
        self._ahead_s = ahead_s
        self._ordered_at = ordered_at
        self._limits = {
            Phase.CAPACITY: order.capacity_limit_s,
            Phase.PULL: order.pull_limit_s,
            Phase.START: order.start_limit_s,
        }
        self._first = time.time()
        self._known: dict[tuple[Phase, float], float] = {}

    def of(self, state: PodState | None) -> float:
        """When the present phase of ``state`` is over, on the clock of ``time.monotonic``."""
        phase, began = phase_of(state), self._began(state)
        if (phase, began) not in self._known:
            # Worked out once: a step of this host's clock must not end the wait.
            now = time.time()
            left = min(began, now) + self._limits[phase] - now
            self._known[phase, began] = time.monotonic() + (left if left > 0 else _ONE_LOOK_S)
        return self._known[phase, began]

    def started_at(self, state: PodState | None) -> float:
        """When the container began, on this host's clock; infinite: it never did."""
        began = None if state is None else state.started_at
        return math.inf if began is None else began - self._ahead_s

    def over(self, state: PodState | None, events: Sequence[Event], pending: Pending) -> Failure:
        """The failure of a server whose time is over.

        Args:
            events: of its pod.
            pending: what the last look found.
        """
        phase = phase_of(state)
        limit = self._limits[phase]
        if state is None:
            reason = f"There was no pod after {limit:.0f} s ({pending.reason})."
            return Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason)
        if phase is Phase.CAPACITY:
            reason = (
                f"The cluster had no room for pod {state.name} within {limit:.0f} s: "
                f"{scheduler_says(state)}. Free some, or raise timeouts.capacity_s."
            )
            return Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason)
        if phase is Phase.PULL:
            return _not_pulled(state, events, limit)
        return Failure(
            failure_class=FailureClass.STARTUP_TIMEOUT,
            reason=(
                f"The server was not ready {limit:.0f} s after its start ({pending.reason}). "
                "Raise timeouts.start_s if it only needs longer."
            ),
        )

    def _began(self, state: PodState | None) -> float:
        """Epoch seconds of this host's clock at which the present phase began."""
        if state is None:
            told = self._ordered_at
        elif state.started_at is not None:
            # A node's clock may be behind that of the API server.
            told = max(state.started_at, state.scheduled_at or state.created_at or 0.0)
        else:
            told = state.scheduled_at or self._ordered_at or state.created_at
        return self._first if told is None else told - self._ahead_s


def _not_pulled(state: PodState, events: Sequence[Event], limit: float) -> Failure:
    waits = waits_for(state, events)
    if mount_trouble(events) or state.waiting.startswith("CreateContainer"):
        reason = f"Pod {state.name} was not started {limit:.0f} s after it got a node: {waits}."
        return Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason)
    return Failure(
        failure_class=FailureClass.IMAGE,
        reason=(
            f"The image {state.image} was not there {limit:.0f} s after pod {state.name} got a "
            f"node ({waits}). Correct image or image_tag, or raise timeouts.pull_s if the pull "
            "only needs longer."
        ),
    )
