"""Why a pod's server will not come up, or has ended: a table of what Kubernetes says."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airtune.launchers.kubernetes.events import Event, newest, quoted
from airtune.launchers.kubernetes.pods import Ended, PodState
from airtune.launchers.shared_memory import short_of_shm
from airtune.launchers.verdict_of_log import verdict_of_log
from airtune.records import Failure, FailureClass

Verdict = tuple[FailureClass, str]

IMAGE_WAITS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
BAD_IMAGES = frozenset({"InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
NOT_STARTED = frozenset({"StartError", "ContainerCannotRun", "RunContainerError"})

"""Reasons of a waiting or ended container: pulls that go on, images that will not do, and starts
that failed."""

_NO_IMAGE = re.compile(
    r"code = NotFound|: not found|manifest unknown|name unknown|unauthorized|\bdenied\b|forbidden"
    r"|insufficient_scope|no basic auth|does not exist|no match for platform",
    re.IGNORECASE,
)
_NO_PROGRAM = re.compile(
    r"executable file not found|no such file or directory|permission denied|exec format error"
    r"|is a directory|no command specified",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"not found|couldn't find key|references non-existent|does not exist|no such file"
    r"|is not a (?:directory|file|socket|device)|hostPath type check failed|runAsNonRoot"
    r"|no command specified|invalid",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(r"failed to sync|not registered|timed out|kube-root-ca\.crt", re.IGNORECASE)
_NO_CLAIM = re.compile(r"persistentvolumeclaim \"[^\"]+\" (?:not found|is being deleted)")
_PROBE = re.compile(r"(?P<kind>Liveness|Startup) probe failed: (?P<detail>.*)")
_ENDED_BY_KUBELET = re.compile(r"Stopping container|failed (?:liveness|startup) probe")


@dataclass(frozen=True)
class _Case:
    state: PodState
    events: Sequence[Event]
    log: str
    engine: str
    crash: FailureClass


def failure_of(
    state: PodState, events: Sequence[Event], log: str, engine: str, crash: FailureClass
) -> Failure | None:
    """Why the server has ended or never will come up; None while it runs or still may.

    Args:
        events: of the pod, newest last.
        log: what the container wrote, or the end of that.
        engine: whose log it is.
        crash: the class when nothing tells: ``unhealthy`` for a server that was ready,
            ``startup_crash`` for one that was not.
    """
    case = _Case(state, events, log, engine, crash)
    for rule in _RULES:
        if verdict := rule(case):
            return Failure(failure_class=verdict[0], reason=verdict[1])
    return None


def pull_trouble(state: PodState, events: Sequence[Event]) -> str:
    """What the node says about pulling the image; empty if nothing is wrong with that."""
    if state.waiting not in IMAGE_WAITS:
        return ""
    failed = [one for one in events if one.warning and "Failed to pull" in one.message]
    told = failed[-1].message if failed else ""
    said = state.waiting_message
    return quoted(said if "rrImagePull:" in said or not told else told)


def no_such_image(said: str) -> bool:
    """Whether a pull fails with this text for a reason that does not pass."""
    return bool(_NO_IMAGE.search(said))


def lacking(said: str) -> bool:
    """Whether a container waits with this text for something that does not come by itself."""
    return bool(_MISSING.search(said)) and not _TRANSIENT.search(said)


def mount_trouble(events: Sequence[Event]) -> str:
    """What the node says about mounting the pod's volumes; empty if nothing is wrong."""
    event = newest(events, "FailedMount", "FailedAttachVolume", "FailedMapVolume")
    return quoted(event.message) if event else ""


def _ended_by_others(case: _Case) -> Verdict | None:
    state = case.state
    if state.deleted_at is None and not state.disruption:
        return None
    ended = state.terminated
    asked = state.deleted_at
    if ended and ended.finished_at and asked and ended.finished_at < asked and not state.running:
        return None  # it had ended by itself before
    if state.disruption:
        why = f"The cluster takes pod {state.name} away: {quoted(state.disruption)}."
        return FailureClass.INFRASTRUCTURE, why
    return FailureClass.INFRASTRUCTURE, (
        f"Pod {state.name} is being deleted, by clean-up or by somebody."
    )


def _failed_as_a_whole(case: _Case) -> Verdict | None:
    state = case.state
    failed = state.phase == "Failed" and (state.reason or state.terminated is None)
    if not failed and state.reason != "NodeLost":
        return None
    said = quoted(state.message) or "no more is said"
    if state.reason == "DeadlineExceeded":
        return FailureClass.INFRASTRUCTURE, (
            f"Pod {state.name} has reached its activeDeadlineSeconds, the last resort against "
            f"leaks ({said}). Shorten the timeouts or the benchmark."
        )
    if state.reason == "Evicted":
        return FailureClass.INFRASTRUCTURE, (
            f"The node {state.node} has evicted pod {state.name}: {said}. Free what it is short "
            "of, or let the pod ask for what it uses (kubernetes.requests)."
        )
    return FailureClass.INFRASTRUCTURE, (
        f"Pod {state.name} has failed on node {state.node}: {state.reason or 'no reason'}: {said}."
    )


def _container_ended(case: _Case) -> Verdict | None:
    ended = case.state.terminated
    if ended is None:
        return None
    if ended.reason == "OOMKilled":
        return FailureClass.OOM, _oom(case.state)
    if ended.reason in NOT_STARTED:
        return _no_start(quoted(ended.message), case.state)
    if ended.reason == "ContainerStatusUnknown":
        return FailureClass.INFRASTRUCTURE, (
            f"The node {case.state.node} has lost the container of pod {case.state.name}: "
            f"{quoted(ended.message) or 'it was restarted or away'}."
        )
    if probe := _killed_by_probe(case):
        return case.crash, probe
    if short_of_shm(case.log, ended.code):
        return FailureClass.OOM, "The server ran out of shared memory. Raise container.shm_size."
    return verdict_of_log(
        case.engine, case.log, ended.code, case.crash, _how_it_ended(case.state, ended)
    )


def _has_no_end(case: _Case) -> Verdict | None:
    state = case.state
    if state.restarts and not state.running:
        return case.crash, f"The server of pod {state.name} crashes again and again."
    return None


def _image(case: _Case) -> Verdict | None:
    state = case.state
    if state.waiting in BAD_IMAGES:
        return FailureClass.IMAGE, (
            f"The image {state.image} cannot be used ({state.waiting}): "
            f"{quoted(state.waiting_message)}. Correct image or image_tag, or "
            "kubernetes.image_pull_policy."
        )
    said = pull_trouble(state, case.events)
    if said and no_such_image(said):
        return FailureClass.IMAGE, (
            f"The image {state.image} cannot be pulled: {said}. Correct image or image_tag, or "
            "name the registry's Secret in kubernetes.image_pull_secrets."
        )
    return None


def _configuration(case: _Case) -> Verdict | None:
    state = case.state
    said = quoted(state.waiting_message)
    if state.waiting in NOT_STARTED:
        return _no_start(said, state)
    if state.waiting not in {"CreateContainerConfigError", "CreateContainerError"}:
        return None
    if not lacking(said):
        return None
    return FailureClass.INVALID_CONFIG, (
        f"Pod {state.name} lacks what its container needs: {said}. Create it in the namespace, "
        "or correct the task's kubernetes fields."
    )


def _volumes(case: _Case) -> Verdict | None:
    state = case.state
    if match := _NO_CLAIM.search(state.unschedulable):
        return FailureClass.INVALID_CONFIG, (
            f"Pod {state.name} cannot be placed: {match[0]} ({quoted(state.unschedulable)}). "
            "Create the claim in the namespace, or correct kubernetes.model_claim or "
            "hub_cache_claim."
        )
    if state.started_at is not None or state.scheduled_at is None:
        return None
    said = mount_trouble(case.events)
    if not lacking(said):
        return None
    return FailureClass.INVALID_CONFIG, (
        f"A volume of pod {state.name} cannot be mounted on node {state.node}: {said}. Put the "
        "model there, or correct model.name, model.root, kubernetes.model_claim or the Secret."
    )


_RULES: tuple[Callable[[_Case], Verdict | None], ...] = (
    _ended_by_others,
    _failed_as_a_whole,
    _container_ended,
    _has_no_end,
    _image,
    _configuration,
    _volumes,
)
"""In this order: what ends a pod from outside explains how its container ended."""


def _no_start(said: str, state: PodState) -> Verdict:
    if _NO_PROGRAM.search(said):
        return FailureClass.IMAGE, (
            f"The image {state.image} cannot run its program: {said}. Correct image or image_tag."
        )
    return FailureClass.INFRASTRUCTURE, (
        f"The node {state.node} could not start the container of pod {state.name}: {said}."
    )


def _oom(state: PodState) -> str:
    limit = f"its limit of {state.memory}" if state.memory else "what the node has"
    return (
        f"The kernel ended the server for lack of main memory (OOMKilled): it reached {limit}. "
        "Raise kubernetes.limits.memory, or choose settings that need less."
    )


def _killed_by_probe(case: _Case) -> str:
    ended = any(_ENDED_BY_KUBELET.search(e.message) for e in case.events if e.reason == "Killing")
    failed = [
        (match, event.count)
        for event in case.events
        if event.reason == "Unhealthy" and (match := _PROBE.search(event.message))
    ]
    if not ended or not failed:
        return ""
    match, count = failed[-1]
    return (
        f"The kubelet ended the server since its {match['kind'].lower()} probe failed {count} "
        f"times: {quoted(match['detail'])}. Give the probe of the runtime or template more time "
        "(failureThreshold, periodSeconds), or find out why the server does not answer."
    )


def _how_it_ended(state: PodState, ended: Ended) -> str:
    again = f" and was started again {state.restarts} times" if state.restarts else ""
    said = f": {quoted(ended.message)}" if ended.message else ""
    return f"The server ended with exit code {ended.code}{again}{said}."
