"""All load points of one trial: measure, record at once, judge, score."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airtune.benchmark.failure import failure_of
from airtune.benchmark.folder import client_log_tail
from airtune.benchmark.limit import load_point_limit_s
from airtune.benchmark.run import measure
from airtune.errors import TrialFailed
from airtune.launchers.local.server import died, free_cpus, responds
from airtune.operators.serving import devices_of
from airtune.operators.slot import Slot
from airtune.records import (
    Endpoint,
    Failure,
    FailureClass,
    Lease,
    LoadPoint,
    Measurement,
    Trial,
    TrialState,
)
from airtune.scoring.feasible import infeasibility
from airtune.scoring.score import score_trial

WATCH_S = 0.5


def measure_all(
    slot: Slot, trial: Trial, lease: Lease, endpoint: Endpoint, log: Callable[[str], None]
) -> Trial:
    """Measure every load point that is not recorded yet, and record the score.

    Returns:
        the finished trial: succeeded, or infeasible when it breaks a hard limit.

    Raises:
        TrialFailed: a load point could not be measured; the class says why.
    """
    points = slot.task.load_points
    ends = time.monotonic() + _budget_s(slot)
    known = {m.load_point: m for m in slot.begin().load_points if m.scorable}
    for index, point in enumerate(points):
        if point in known:
            log(f"{point.key} was measured before this retry and is kept")
            continue
        known[point] = _measure(slot, trial, lease, endpoint, index, ends, log)
    return _scored(slot, lease, [known[point] for point in points], log)


def _measure(
    slot: Slot,
    trial: Trial,
    lease: Lease,
    endpoint: Endpoint,
    index: int,
    ends: float,
    log: Callable[[str], None],
) -> Measurement:
    point: LoadPoint = slot.task.load_points[index]
    folder = slot.trial_folder(trial.trial_id)
    limit_s = min(load_point_limit_s(slot.task, point), max(ends - time.monotonic(), 1.0))
    cpus = free_cpus(devices_of(slot, lease.devices), slot.settings.devices)
    with _client_ended_with_server(slot, endpoint):
        try:
            measurement = measure(
                endpoint,
                slot.task,
                point,
                folder=folder,
                place=slot.place,
                limit_s=limit_s,
                settings=slot.settings,
                log=log,
                cpus=cpus,
            )
        except TrialFailed as error:
            raise _server_first(endpoint, error) from error
    failure = died(endpoint) or failure_of(measurement, client_log_tail(folder, point))
    slot.store.record_measurement(slot.spec.run, slot.spec.slot, slot.attempt, index, measurement)
    if failure:
        raise TrialFailed(failure)
    return measurement


def _scored(
    slot: Slot, lease: Lease, points: list[Measurement], log: Callable[[str], None]
) -> Trial:
    score = score_trial(points, slot.task, len(lease.devices))
    failure = infeasibility(points, slot.task)
    if score is None and failure is None:
        failure = Failure(
            failure_class=FailureClass.BENCHMARK_ERROR,
            reason="A load point has no figure for the objective; see the client's log.",
        )
    state = failure.failure_class.state if failure else TrialState.SUCCEEDED
    slot.update(state=state, score=score, failure=failure)
    log(f"{slot.spec.label}: {state}" + (f", score {score.score:.6g}" if score else ""))
    if failure and state is TrialState.FAILED:
        raise TrialFailed(failure)
    return slot.begin()


def _budget_s(slot: Slot) -> float:
    """What ``timeout_per_iteration`` leaves for measuring after the start."""
    limit = slot.task.optimization.timeout_per_iteration
    if limit is None:
        return float("inf")
    return float(limit) - slot.begin().seconds.start


@contextmanager
def _client_ended_with_server(slot: Slot, endpoint: Endpoint) -> Iterator[None]:
    """The client spins on a dead server for its whole time: end it when the server is gone."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            if died(endpoint):
                slot.place.end("client", grace_s=1.0)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _server_first(endpoint: Endpoint, error: TrialFailed) -> TrialFailed:
    """A client that ran out of time may only show that the server died or hangs."""
    failure = died(endpoint)
    if failure is None and not responds(endpoint):
        failure = Failure(
            failure_class=FailureClass.UNHEALTHY,
            reason="The server stopped answering while it was measured.",
            log_tail=error.failure.log_tail,
        )
    return TrialFailed(failure) if failure else error
