"""Seeing that a server in a cluster has ended or never will come up, and why."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airtune.launchers.kubernetes import logs
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.capacity import never_fits
from airtune.launchers.kubernetes.events import Event, quoted
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.judge import failure_of
from airtune.launchers.kubernetes.pods import PodState
from airtune.launchers.kubernetes.watcher import Listed, Pods
from airtune.records import Failure, FailureClass

_NODES_EVERY_S = 60.0
"""The list of nodes may be large: it is asked for once a minute for one pod."""

_capacity: dict[str, tuple[float, str | None]] = {}


@dataclass(frozen=True)
class View:
    """One look at the pods of a server.

    Attributes:
        state: of the pod that counts; None while there is none.
        events: reported about it, newest last; not asked for while all is well.
        failure: why the server has ended or never will come up; None otherwise.
    """

    state: PodState | None
    events: Sequence[Event] = ()
    failure: Failure | None = None


def end_of(api: Api, handle: Handle, crash: FailureClass) -> Failure | None:
    """Why the server has ended; None while it runs or still may come up.

    Args:
        crash: the class when nothing tells: ``unhealthy`` for a server that was ready (its pods
            have to be there then), ``startup_crash`` for one that was not.

    Raises:
        ApiRefused: the API server refuses to tell, or does not answer.
    """
    return view(api, handle, Listed(api, handle), crash).failure


def view(api: Api, handle: Handle, source: Pods, crash: FailureClass) -> View:
    """One look, through ``source``; see ``end_of``.

    Raises:
        ApiRefused: as ``end_of``.
    """
    pod = counting(source.pods(), handle)
    if pod is None:
        return View(None, failure=_gone(handle, crash))
    state = PodState.of(pod, handle.container)
    if state.alive and not state.disruption and not state.reason:
        return View(state)
    events = source.events(state.uid)
    ended = state.terminated is not None or state.deleted_at is not None or state.disruption
    log = logs.output(api, handle.namespace, state, handle.container) if ended else ""
    log = log or (saved_tail(handle) if ended else "")
    failure = failure_of(state, events, log, handle.engine, crash)
    if failure is None and state.unschedulable:
        failure = _never(api, pod, state)
    return View(state, events, failure and naming_log(failure, handle, log))


def counting(pods: Sequence[Json], handle: Handle) -> Json | None:
    """The pod that counts: the one that became ready, else the newest; None if it is not there."""
    if handle.pod:
        return next((pod for pod in pods if pod["metadata"]["uid"] == handle.pod), None)
    staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    candidates = staying or pods
    return candidates[-1] if candidates else None


def naming_log(failure: Failure, handle: Handle, log: str) -> Failure:
    """``failure`` with the log's file in its reason, and the end of the log."""
    named = failure.reason
    if handle.log not in named:
        named = f"{named} Its log: {handle.log}"
    tail = failure.log_tail or log[-logs.TAIL_CHARACTERS :]
    return failure.model_copy(update={"reason": named, "log_tail": tail})


def saved_tail(handle: Handle) -> str:
    """The end of what was saved of the server's log; empty if nothing was."""
    try:
        return Path(handle.log).read_text(errors="replace")[-logs.TAIL_CHARACTERS :]
    except OSError:
        return ""


def _gone(handle: Handle, crash: FailureClass) -> Failure | None:
    # OME makes the pods after the InferenceService: until one was ready, none may be there.
    if handle.launcher == "ome" and not handle.pod and crash is not FailureClass.UNHEALTHY:
        return None
    what = "Pod" if handle.launcher == "kubernetes" else "The pod of InferenceService"
    failure = Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason=(
            f"{what} {handle.name} in the namespace {handle.namespace} is gone: it was removed by "
            "clean-up, by somebody, or with its node."
        ),
    )
    return naming_log(failure, handle, saved_tail(handle))


def _never(api: Api, pod: Json, state: PodState) -> Failure | None:
    asked_at, why = _capacity.get(state.uid, (0.0, None))
    now = time.monotonic()
    if not asked_at or now - asked_at > _NODES_EVERY_S:
        try:
            why = never_fits(api, pod)
        except ApiRefused:
            return None
        for uid in [uid for uid, (at, _) in _capacity.items() if now - at > _NODES_EVERY_S]:
            _capacity.pop(uid, None)  # a triggerer lives for months
        _capacity[state.uid] = (now, why)
    if why is None:
        return None
    reason = f"{why} The scheduler says: {quoted(state.unschedulable)}."
    return Failure(failure_class=FailureClass.INVALID_CONFIG, reason=reason)
