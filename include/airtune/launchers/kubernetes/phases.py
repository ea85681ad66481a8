"""How far a server's pod has come, and what it waits for."""

from collections.abc import Sequence
from enum import StrEnum

from airtune.launchers.kubernetes.events import Event, quoted
from airtune.launchers.kubernetes.judge import mount_trouble, pull_trouble
from airtune.launchers.kubernetes.pods import PodState

_ASIDE = (" no new claims to deallocate", " preemption: ")
"""Where the scheduler begins to talk about what does not help anybody."""


class Phase(StrEnum):
    """What a server that is not ready yet is waiting for; each has a time limit of its own."""

    CAPACITY = "capacity"
    PULL = "pull"
    START = "start"


def phase_of(state: PodState | None) -> Phase:
    """The phase of a pod; of one that nobody has made yet: capacity."""
    if state is None:
        return Phase.CAPACITY
    if state.started_at is not None:
        return Phase.START
    return Phase.CAPACITY if state.scheduled_at is None else Phase.PULL


def waits_for(state: PodState | None, events: Sequence[Event]) -> str:
    """One line for people: what the pod is waiting for."""
    if state is None:
        return "waiting for its pod"
    phase = phase_of(state)
    if phase is Phase.CAPACITY:
        return f"waiting for capacity: {scheduler_says(state)}"
    if phase is Phase.START:
        return "the container runs, the server is loading"
    if said := mount_trouble(events):
        return f"waiting for its volumes: {said}"
    if said := pull_trouble(state, events):
        return f"pulling image {state.image}: {said}"
    if state.waiting == "CreateContainerConfigError":
        return f"waiting for what the container needs: {quoted(state.waiting_message)}"
    if any(event.reason == "Pulling" for event in events):
        return f"pulling image {state.image}"
    return f"its container is being made on node {state.node}"


def scheduler_says(state: PodState) -> str:
    """The scheduler's reason why the pod has no node yet."""
    text = state.unschedulable or "the scheduler has not looked at it yet"
    for words in _ASIDE:
        text = text.partition(words)[0]
    return quoted(text)
