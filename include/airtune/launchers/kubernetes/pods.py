"""The pods behind a server, and what each of them tells about itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.stamps import epoch

_UNFIT = frozenset({"Unschedulable", "SchedulingGated", "SchedulerError"})
_INITIALIZING = frozenset({"PodInitializing", "ContainerCreating", ""})


def pods_of(api: Api, handle: Handle) -> list[Json]:
    """The pods behind a server, newest last; of kubernetes mode its one pod, or nothing.

    Raises:
        ApiRefused: the API server refuses the list, or does not answer.
    """
    answer = api.get(paths.pods(handle.namespace), labelSelector=handle.pods)
    return ours(answer["items"], handle)


def ours(pods: list[Json], handle: Handle) -> list[Json]:
    """Those of ``pods`` that are behind the server of ``handle``, newest last."""
    if handle.launcher == "kubernetes":  # another pod of that name is another attempt's
        pods = [pod for pod in pods if pod["metadata"]["uid"] == handle.uid]
    return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""))


@dataclass(frozen=True)
class Ended:
    """The end of a container.

    Attributes:
        code: exit code, > 128 for a signal.
        reason: Kubernetes' own word, for example ``OOMKilled``.
        message: its sentence, often empty.
        finished_at: epoch seconds on the node's clock.
    """

    code: int
    reason: str
    message: str
    finished_at: float | None


@dataclass(frozen=True)
class PodState:
    """One look at a pod and one of its containers; all times are epoch seconds of the cluster.

    Attributes:
        name, uid: of the pod.
        node: it is on; empty before that.
        phase: ``Pending``, ``Running``, ``Succeeded``, ``Failed`` or ``Unknown``.
        reason, message: why the pod as a whole has failed (``Evicted`` …); mostly empty.
        created_at: when the API server took it.
        scheduled_at: when a node was found for it; None before that.
        unschedulable: the scheduler's words while no node takes it.
        disruption: why the cluster ends it (preemption, eviction, a lost node).
        deleted_at: when somebody asked for its deletion; None if nobody has.
        waiting, waiting_message: why the container does not run yet.
        started_at: when the container began, the newest time; None if it never did.
        running: the container's process runs.
        ready: its probes, if any, say so.
        terminated: its end, or the one before where it has been started again.
        restarts: how often it has been started again.
        image: of the container.
        memory: its limit as written; empty for none.
    """

    name: str
    uid: str
    node: str
    phase: str
    reason: str
    message: str
    created_at: float | None
    scheduled_at: float | None
    unschedulable: str
    disruption: str
    deleted_at: float | None
    waiting: str
    waiting_message: str
    started_at: float | None
    running: bool
    ready: bool
    terminated: Ended | None
    restarts: int
    image: str
    memory: str

    @classmethod
    def of(cls, pod: Mapping[str, Any], container: str) -> Self:
        """Read a pod; of a failing init container instead of ``container`` while there is one."""
        metadata, status = pod["metadata"], pod.get("status") or {}
        conditions = {one["type"]: one for one in status.get("conditions") or ()}
        placed = conditions.get("PodScheduled", {})
        told = _container(status, container)
        state, last = told.get("state") or {}, told.get("lastState") or {}
        waiting, running = state.get("waiting") or {}, state.get("running")
        ended = state.get("terminated") or last.get("terminated")
        spec = _named(pod["spec"]["containers"], container)
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            node=pod["spec"].get("nodeName") or "",
            phase=status.get("phase") or "Pending",
            reason=status.get("reason") or "",
            message=(status.get("message") or "").strip(),
            created_at=epoch(metadata.get("creationTimestamp")),
            scheduled_at=_scheduled_at(placed),
            unschedulable=_unschedulable(placed),
            disruption=_disruption(conditions.get("DisruptionTarget", {})),
            deleted_at=_deleted_at(metadata),
            waiting=waiting.get("reason") or "",
            waiting_message=waiting.get("message") or "",
            started_at=epoch((running or ended or {}).get("startedAt")),
            running=running is not None,
            ready=bool(told.get("ready")),
            terminated=_ended(ended),
            restarts=int(told.get("restartCount") or 0),
            image=spec.get("image") or "",
            memory=((spec.get("resources") or {}).get("limits") or {}).get("memory") or "",
        )

    @property
    def alive(self) -> bool:
        """The container runs, was never started again, and nobody is ending its pod."""
        return self.running and not self.restarts and self.deleted_at is None


def _container(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    for told in status.get("initContainerStatuses") or ():
        state = told.get("state") or {}
        if (state.get("terminated") or {}).get("exitCode"):
            return dict(told)
        if (state.get("waiting") or {}).get("reason", "") not in _INITIALIZING:
            return dict(told)
    return _named(status.get("containerStatuses") or (), name)


def _named(containers: Any, name: str) -> Mapping[str, Any]:
    return next((dict(one) for one in containers if one["name"] == name), {})


def _scheduled_at(placed: Mapping[str, Any]) -> float | None:
    return epoch(placed.get("lastTransitionTime")) if placed.get("status") == "True" else None


def _unschedulable(placed: Mapping[str, Any]) -> str:
    if placed.get("status") != "False" or placed.get("reason") not in _UNFIT:
        return ""
    return str(placed.get("message") or placed["reason"])


def _disruption(target: Mapping[str, Any]) -> str:
    if target.get("status") != "True":
        return ""
    return f"{target.get('reason')}: {target.get('message') or 'no more is said'}"


def _deleted_at(metadata: Mapping[str, Any]) -> float | None:
    # What stands there is when its time of grace is over.
    over = epoch(metadata.get("deletionTimestamp"))
    return None if over is None else over - float(metadata.get("deletionGracePeriodSeconds") or 0)


def _ended(told: Mapping[str, Any] | None) -> Ended | None:
    if not told:
        return None
    return Ended(
        code=int(told["exitCode"]),
        reason=told.get("reason") or "",
        message=told.get("message") or "",
        finished_at=epoch(told.get("finishedAt")),
    )
