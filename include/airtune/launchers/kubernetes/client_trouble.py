"""Why a client's pod does not come up, or has gone."""

from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.client_pod import CONTAINER, FILES, ClientPodOrder
from airtune.launchers.kubernetes.judge import (
    BAD_IMAGES,
    IMAGE_WAITS,
    NOT_STARTED,
    lacking,
    no_such_image,
)
from airtune.launchers.kubernetes.pods import PodState
from airtune.records import Failure, FailureClass

_BUILD = (
    "The client's image is built from docker/genai-bench.Dockerfile, or named in "
    "AIRTUNE_CLIENT_IMAGE; those of its helpers are AIRTUNE_XCOM_IMAGE's. The cluster's nodes "
    "must be able to pull them."
)


def trouble(pod: Json, order: ClientPodOrder) -> Failure | None:
    """Why the client of a pod that has not begun never will; None while it still may."""
    status = pod.get("status", {})
    for told in (*_told(status, "initContainerStatuses"), *_told(status, "containerStatuses")):
        state = told.get("state") or {}
        if failure := _waiting(told, state.get("waiting") or {}):
            return failure
        if failure := _not_started(told, state.get("terminated") or {}, order):
            return failure
    return gone(pod, order) if status.get("phase") == "Failed" and not _begun(pod) else None


def pending_too_long(state: PodState, order: ClientPodOrder) -> Failure:
    """The failure of a client that did not come to run in its time."""
    within = f"The client's pod {order.name} did not run within {order.pending_limit_s:g} s"
    if state.waiting in IMAGE_WAITS:
        said = f"{within}: {state.waiting}: {state.waiting_message}. {_BUILD}"
        return _failure(FailureClass.IMAGE, said)
    if state.unschedulable:
        return _failure(
            FailureClass.INFRASTRUCTURE,
            f"{within}, no node takes it: {state.unschedulable} Give kubernetes.client another "
            "node_selector, tolerations or requests, or the cluster another node.",
        )
    why = f"{state.waiting} {state.waiting_message}".strip() or state.phase
    return _failure(
        FailureClass.INFRASTRUCTURE, f"{within} ({why}); look at its events (kubectl describe)."
    )


def gone(pod: Json | None, order: ClientPodOrder) -> Failure:
    """The failure of a client whose pod was ended by somebody else."""
    status = (pod or {}).get("status", {})
    why = " ".join(filter(None, [status.get("reason"), status.get("message")]))
    disruptions = [
        f"{one.get('reason')}: {one.get('message')}"
        for one in status.get("conditions") or ()
        if one["type"] == "DisruptionTarget" and one["status"] == "True"
    ]
    said = "; ".join(filter(None, [why, *disruptions])) or "somebody has deleted it"
    return _failure(
        FailureClass.INFRASTRUCTURE, f"The client's pod {order.name} was ended: {said}."
    )


def _waiting(told: Json, waiting: Json) -> Failure | None:
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    said = f"{reason}: {message}".rstrip(".")
    if reason in BAD_IMAGES or (reason in IMAGE_WAITS and no_such_image(message)):
        text = f"The image {told['image']} of the client's pod cannot be had: {said}. {_BUILD}"
        return _failure(FailureClass.IMAGE, text)
    if reason == "CreateContainerConfigError" and lacking(message):
        text = f"The client's pod cannot be made as the task asks: {said}. Correct it there."
        return _failure(FailureClass.INVALID_CONFIG, text)
    if reason in NOT_STARTED:
        return _failure(FailureClass.IMAGE, f"The client cannot be started: {said}. {_BUILD}")
    return None


def _not_started(told: Json, ended: Json, order: ClientPodOrder) -> Failure | None:
    said = f"{ended.get('reason')}: {ended.get('message') or 'no more is said'}".rstrip(".")
    if ended.get("reason") in NOT_STARTED:
        text = f"{told['image']} cannot run the client's pod ({told['name']}): {said}. {_BUILD}"
        return _failure(FailureClass.IMAGE, text)
    if told["name"] == FILES and ended.get("exitCode"):
        text = (
            f"The client's files could not be taken in by {order.helper_image}: exit code "
            f"{ended['exitCode']}, {said}. AIRTUNE_XCOM_IMAGE must name an image with sh and tar."
        )
        return _failure(FailureClass.INFRASTRUCTURE, text)
    return None


def _begun(pod: Json) -> bool:
    return PodState.of(pod, CONTAINER).started_at is not None


def _told(status: Json, which: str) -> list[Json]:
    return list(status.get(which) or ())


def _failure(failure_class: FailureClass, reason: str) -> Failure:
    return Failure(failure_class=failure_class, reason=reason)
