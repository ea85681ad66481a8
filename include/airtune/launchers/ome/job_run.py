"""One BenchmarkJob from its making to its removal: bounded in time, and leaving nothing."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.remove import Removal
from airtune.launchers.ome.benchmark_job import JobOrder, create_job
from airtune.launchers.ome.job_files import Execute, JobFiles
from airtune.launchers.ome.job_log import JobLog
from airtune.launchers.ome.job_pod import JobPod, lost, pod_of, require_hope
from airtune.records import Failure, FailureClass

_POLL_S = 0.5
_FILES_S = 120.0
_DISCARD_S = 15.0
"""For a pod that fetches the files, and for one that only removes them: a task is being killed."""

_ENDED = frozenset({"Completed", "Failed"})
_SETTLED_S = 10.0
"""So long after OME has called it ended its pod may still say that it runs."""

Why = Literal["ended", "limit", "stopped", "fenced_off"]


@dataclass(frozen=True)
class JobEnd:
    """A client's end.

    Attributes:
        why: by itself, or removed by us: its time was over, its server was gone, or its attempt
            is over (then perhaps it was never started).
        exit_code: genai-bench's; None unless it ended by itself.
        seconds: wall-clock from its start, to half a second.
        pod: its pod, as it was when it ran; None if it never did.
    """

    why: Why
    exit_code: int | None
    seconds: float
    pod: JobPod | None = None


def run_to_end(
    api: Api,
    removal: Removal,
    order: JobOrder,
    *,
    execute: Execute,
    limit_s: float,
    feed: Callable[[bytes], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> JobEnd:
    """Run a BenchmarkJob until it ends, it is to stop, or ``limit_s`` is over.

    ``Completed`` is not success: OME says so of every client that ends with 0. When this returns
    or raises, everything that it has made is gone, and what the client left is in ``order.into``.

    Args:
        removal: of this slot.
        execute: runs a program in a pod.
        limit_s: from the client's start on; its pod has the order's limits before that.
        feed: gets its output as it comes.
        should_stop: asked twice a second.

    Raises:
        ApiRefused: the API server did.
        TrialFailed: it could not be run, or its files could not be fetched.
    """
    removal.clients(order.attempt)
    call = _Call(api, order, JobFiles(api, order, execute), feed)
    try:
        create_job(api, order)
        return call.run(limit_s, should_stop)
    except BaseException:
        call.discard()
        raise
    finally:
        removal.clients(order.attempt)


class _Call:
    """One BenchmarkJob from its making on."""

    def __init__(
        self, api: Api, order: JobOrder, files: JobFiles, feed: Callable[[bytes], None]
    ) -> None:
        self._api, self._order, self._files, self._feed = api, order, files, feed
        self._log = JobLog(api, order.namespace, feed)
        self._made = time.monotonic()
        self._began: float | None = None
        self._over: float | None = None
        self._pod: JobPod | None = None
        self._left = False
        """The client may have written to the claim, and nobody has been there since."""

    def run(self, limit_s: float, should_stop: Callable[[], bool]) -> JobEnd:
        # Made before asking: a newer attempt either finds the object and removes it, or has
        # entered before and is seen here.
        end = self._follow(limit_s, should_stop) if self._order.is_current() else _fenced(0.0)
        if end.why == "ended" and not self._order.is_current():
            end = _fenced(end.seconds)
        if end.why != "fenced_off" and self._left:
            if end.why != "ended":  # it must not write any more
                self._stop()
            self._files.collect(self._node, _FILES_S)
        self._left = False
        return replace(end, pod=self._pod)

    def discard(self) -> None:
        """Remove the files of a call that was broken off, unless that would take long."""
        if not self._left or not self._order.is_current():
            return
        with suppress(ApiRefused, TrialFailed):
            self._stop()
            self._files.discard(self._node, _DISCARD_S)

    def _follow(self, limit_s: float, should_stop: Callable[[], bool]) -> JobEnd:
        while True:
            job = self._job()
            found = pod_of(self._api, self._order)
            if job is None:
                return self._gone(should_stop)
            if found and found.state.started_at is not None:
                self._begun(found)
            if found and found.state.terminated and not found.state.running:
                return self._ended(found, found.state.terminated.code)
            self._require_hope(job, found)
            if should_stop():
                return JobEnd("stopped", None, self._seconds())
            if self._seconds() > limit_s:
                return JobEnd("limit", None, self._seconds())
            time.sleep(_POLL_S)

    def _require_hope(self, job: Json, found: JobPod | None) -> None:
        now = time.monotonic()
        if (job.get("status") or {}).get("state") in _ENDED:
            self._over = self._over or now
            if now - self._over > _SETTLED_S:
                raise lost(self._order, found, job)
        elif self._began is None:
            require_hope(self._api, self._order, found, now - self._made)
        elif found is None:
            raise lost(self._order, found, job)

    def _begun(self, found: JobPod) -> None:
        if self._began is None:
            self._began, self._left = time.monotonic(), True
        self._pod = found
        self._log.look(found.state.name, found.container)

    def _ended(self, found: JobPod, code: int) -> JobEnd:
        self._log.look(found.state.name, found.container, now=True)
        ended = found.state.terminated
        if ended and ended.reason and ended.reason not in {"Completed", "Error"}:
            self._feed(f"Kubernetes: {ended.reason} {ended.message}".rstrip().encode() + b"\n")
        seconds = self._seconds()
        if ended and ended.finished_at and found.state.started_at:
            seconds = max(seconds, ended.finished_at - found.state.started_at)
        return JobEnd("ended", code, seconds)

    def _gone(self, should_stop: Callable[[], bool]) -> JobEnd:
        """Somebody has removed it: a newer attempt, or whoever has removed the server."""
        if not self._order.is_current():
            return _fenced(self._seconds())
        if should_stop():
            return JobEnd("stopped", None, self._seconds())
        reason = (
            f"The BenchmarkJob {self._order.namespace}/{self._order.name} was removed by somebody "
            "else while it ran."
        )
        raise TrialFailed(Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason))

    def _job(self) -> Json | None:
        try:
            return self._api.get(self._order.path)
        except ApiRefused as error:
            if error.status != 404:
                raise
            return None

    def _stop(self) -> None:
        """Remove the BenchmarkJob now, and wait until its pod is gone."""
        with suppress(ApiRefused):
            self._api.delete(self._order.path, {"propagationPolicy": "Foreground"})
        deadline = time.monotonic() + _FILES_S / 2
        while pod_of(self._api, self._order) and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    @property
    def _node(self) -> str:
        return self._pod.state.node if self._pod else ""

    def _seconds(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began


def _fenced(seconds: float) -> JobEnd:
    return JobEnd("fenced_off", None, seconds)
