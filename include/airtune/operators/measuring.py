"""All load points of one trial: measure, record at once, judge, score."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from airtune.benchmark.client import reproduce_argv
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
from airtune.results.reproduce import reproduce_script
from airtune.scoring.feasible import infeasibility
from airtune.scoring.score import score_trial, unusable_points

WATCH_S = 0.5


@dataclass(frozen=True)
class Measuring:
    """One trial on its ready server.

    Attributes:
        log: gets what a person following the task should see.
    """

    slot: Slot
    trial: Trial
    lease: Lease
    endpoint: Endpoint
    log: Callable[[str], None]

    def run(self) -> Trial:
        """Measure every load point that is not recorded yet, and record the score.

        Returns:
            the finished trial: succeeded, or infeasible when it breaks a hard limit.

        Raises:
            TrialFailed: a load point could not be measured; the class says why.
        """
        self._write_reproduce()
        ends = time.monotonic() + self._budget_s()
        known = {m.load_point: m for m in self.trial.load_points if m.scorable}
        points = self.slot.task.load_points
        for index, point in enumerate(points):
            if point in known:
                self.log(f"{point.key} was measured before this retry and is kept")
                continue
            known[point] = self._measure(index, point, ends)
        return self._scored([known[point] for point in points])

    def _measure(self, index: int, point: LoadPoint, ends: float) -> Measurement:
        slot = self.slot
        folder = slot.trial_folder(self.trial.trial_id)
        limit_s = min(load_point_limit_s(slot.task, point), max(ends - time.monotonic(), 1.0))
        held = devices_of(slot, self.lease.devices)
        with client_ended_with_server(slot, self.endpoint):
            try:
                measurement = measure(
                    self.endpoint,
                    slot.task,
                    point,
                    folder=folder,
                    place=slot.place,
                    limit_s=limit_s,
                    settings=slot.settings,
                    log=self.log,
                    cpus=free_cpus(held, slot.settings.devices),
                )
            except TrialFailed as error:
                raise server_first(self.endpoint, error) from error
        slot.store.record_measurement(
            slot.spec.run, slot.spec.slot, slot.attempt, index, measurement
        )
        failure = failure_of(measurement, client_log_tail(folder, point))
        if failure := died(self.endpoint) or failure:
            raise TrialFailed(failure)
        return measurement

    def _scored(self, points: list[Measurement]) -> Trial:
        slot, devices = self.slot, len(self.lease.devices)
        score = score_trial(points, slot.task, devices)
        failure = infeasibility(points, slot.task)
        if score is None and failure is None:
            why = "; ".join(unusable_points(points, slot.task, devices).values())
            raise TrialFailed(
                Failure(
                    failure_class=FailureClass.BENCHMARK_ERROR,
                    reason=f"There is no score: {why}.",
                )
            )
        state = failure.failure_class.state if failure else TrialState.SUCCEEDED
        self.log(f"{slot.spec.label}: {state}" + (f", score {score.score:.6g}" if score else ""))
        slot.update(state=state, score=score, failure=failure)
        return slot.begin()

    def _budget_s(self) -> float:
        """What ``timeout_per_iteration`` leaves for measuring after the start."""
        limit = self.slot.task.optimization.timeout_per_iteration
        return float("inf") if limit is None else float(limit) - self.trial.seconds.start

    def _write_reproduce(self) -> None:
        slot, task = self.slot, self.slot.task
        folder = slot.trial_folder(self.trial.trial_id)
        calls = [
            reproduce_argv(self.endpoint, task, point, folder=folder, settings=slot.settings)
            for point in task.load_points
        ]
        script = folder / "reproduce.sh"
        script.write_text(reproduce_script(self.trial, task, calls))
        script.chmod(0o755)


@contextmanager
def client_ended_with_server(slot: Slot, endpoint: Endpoint) -> Iterator[None]:
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


def server_first(endpoint: Endpoint, error: TrialFailed) -> TrialFailed:
    """A client that ran out of time may only show that the server died or hangs."""
    failure = died(endpoint)
    if failure is None and not responds(endpoint):
        failure = Failure(
            failure_class=FailureClass.UNHEALTHY,
            reason="The server stopped answering while it was measured.",
            log_tail=error.failure.log_tail,
        )
    return TrialFailed(failure) if failure else error
