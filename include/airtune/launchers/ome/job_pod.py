"""How far the pod of a BenchmarkJob has come, and why it never will run."""

from dataclasses import dataclass

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.capacity import never_fits
from airtune.launchers.kubernetes.events import events_of
from airtune.launchers.kubernetes.judge import failure_of
from airtune.launchers.kubernetes.phases import Phase, phase_of, waits_for
from airtune.launchers.kubernetes.pods import PodState
from airtune.launchers.ome.benchmark_job import JobOrder
from airtune.records import Failure, FailureClass

_NO_POD_S = 150.0
"""OME looks again after a minute where the InferenceService was not ready in its eyes."""


@dataclass(frozen=True)
class JobPod:
    """The newest pod of a BenchmarkJob's Job.

    Attributes:
        pod: as the API server tells it.
        container: genai-bench's; OME names it in two ways.
        state: of both.
    """

    pod: Json
    container: str
    state: PodState


def pod_of(api: Api, order: JobOrder) -> JobPod | None:
    """The pod; None if nobody has made it yet, or it has gone.

    Raises:
        ApiRefused: the API server did.
    """
    selector = f"job-name={order.name}"
    found = api.get(paths.pods(order.namespace), labelSelector=selector)["items"]
    if not found:
        return None
    pod = max(found, key=lambda one: str(one["metadata"].get("creationTimestamp") or ""))
    container = pod["spec"]["containers"][0]["name"]
    return JobPod(pod, container, PodState.of(pod, container))


def require_hope(api: Api, order: JobOrder, found: JobPod | None, waited_s: float) -> None:
    """Check that genai-bench, which has not started yet, still may.

    Args:
        waited_s: since the BenchmarkJob was made.

    Raises:
        ApiRefused: the API server did.
        TrialFailed: it never will, or its time is over.
    """
    if found is None:
        if waited_s > _NO_POD_S:
            raise TrialFailed(_no_job(api, order))
        return
    state = found.state
    events = events_of(api, order.namespace, state.uid)
    crash = FailureClass.BENCHMARK_ERROR
    if failure := failure_of(state, events, "", order.server.engine, crash):
        raise _stopped(order, failure.failure_class, failure.reason)
    phase = phase_of(state)
    if phase is Phase.CAPACITY and state.unschedulable and (why := never_fits(api, found.pod)):
        raise _stopped(
            order,
            FailureClass.INVALID_CONFIG,
            f"{why} (For this pod: kubernetes.client; where the task says nothing, OME's "
            "ConfigMap benchmarkjob-config.)",
        )
    limit_s = order.capacity_limit_s
    if phase is not Phase.CAPACITY:
        limit_s += order.pull_limit_s
    if waited_s > limit_s:
        late = FailureClass.INFRASTRUCTURE if phase is Phase.CAPACITY else FailureClass.IMAGE
        raise _stopped(
            order,
            late,
            f"It did not start within {limit_s:g} s: {waits_for(state, events)}. Raise "
            "timeouts.capacity_s or pull_s, or see why.",
        )


def lost(order: JobOrder, found: JobPod | None, job: Json) -> TrialFailed:
    """A client that has ended in a way that leaves no exit code."""
    status = job.get("status") or {}
    said = status.get("failureMessage") or (found and found.state.message) or "no more is said"
    reason = f"OME calls it {status.get('state')}, and its pod is gone or has failed: {said}."
    return _stopped(order, FailureClass.INFRASTRUCTURE, reason)


def _no_job(api: Api, order: JobOrder) -> Failure:
    try:
        api.get(paths.path_of("batch/v1", "Job", order.namespace, order.name))
        seen = "has made a Job, and that no pod (see its events)"
    except ApiRefused as error:
        if error.status not in {403, 404}:
            raise
        seen = "has made no Job"
    return Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason=f"After {_NO_POD_S:g} s OME {seen} for the BenchmarkJob {order.name}. Only its "
        "controller's log says why: does it run, is status.url set in the InferenceService, has "
        "the model a spec.storage.path?",
    )


def _stopped(order: JobOrder, failure_class: FailureClass, reason: str) -> TrialFailed:
    text = f"The client of BenchmarkJob {order.namespace}/{order.name} could not be run: {reason}"
    return TrialFailed(Failure(failure_class=failure_class, reason=text))
