"""All load points of one trial: measure, record at once, judge, score."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from airtune.benchmark.client import reproduce_argv, reproduce_container_argv
from airtune.benchmark.failure import failure_of
from airtune.benchmark.folder import client_log_tail
from airtune.benchmark.hub import find_tokenizer
from airtune.benchmark.limit import load_point_limit_s
from airtune.benchmark.run import measure
from airtune.benchmark.runner import Runner
from airtune.errors import TrialFailed
from airtune.launchers.launcher import Launcher
from airtune.operators.hub_token import hub_token
from airtune.operators.manifests import write_manifests
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
    ValidityFlag,
)
from airtune.results.reproduce import reproduce_script
from airtune.scoring.feasible import infeasibility
from airtune.scoring.score import score_trial, unusable_points
from airtune.task.client_way import resolved_client

WATCH_S = 0.5
_FIRST = "This host measured no trial of this image before: what it compiles once counts here."


@dataclass(frozen=True)
class Measuring:
    """One trial on its ready server.

    Attributes:
        runner: how the client is run.
        log: gets what a person following the task should see.
    """

    slot: Slot
    trial: Trial
    lease: Lease
    endpoint: Endpoint
    runner: Runner
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
                    runner=self.runner,
                    token=self._token(),
                )
            except TrialFailed as error:
                raise server_first(slot.launcher, self.endpoint, error) from error
        if self.trial.identity.get("first_of_digest"):
            measurement = flagged(measurement, ValidityFlag.FIRST_OF_DIGEST, _FIRST)
        for flag, why in self.runner.doubts().items():
            measurement = flagged(measurement, flag, why)
        slot.store.record_measurement(
            slot.spec.run, slot.spec.slot, slot.attempt, index, measurement
        )
        failure = failure_of(measurement, client_log_tail(folder, point))
        if failure := slot.launcher.died(self.endpoint) or failure:
            raise TrialFailed(failure)
        return measurement

    def _token(self) -> str | None:
        """For a tokenizer that the hub must be asked for."""
        settings = self.slot.settings
        name = self.slot.task.benchmark.model_tokenizer
        return None if find_tokenizer(name, settings.home).offline else hub_token(settings)

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
        write_manifests(slot, self.endpoint, self.trial.trial_id, folder)
        calls = [self._by_hand(point, folder) for point in task.load_points]
        script = folder / "reproduce.sh"
        script.write_text(reproduce_script(self.trial, task, calls, slot.settings))
        script.chmod(0o755)

    def _by_hand(self, point: LoadPoint, folder: Path) -> tuple[str, ...]:
        slot, task = self.slot, self.slot.task
        host = slot.settings.docker_host(slot.run.launcher.partition("/")[2])
        # In a cluster the client by hand is this host's, through a port-forward.
        if task.launcher == "docker" and resolved_client(task, host) == "container":
            return reproduce_container_argv(self.endpoint, task, point, settings=slot.settings)
        return reproduce_argv(self.endpoint, task, point, folder=folder, settings=slot.settings)


@contextmanager
def client_ended_with_server(slot: Slot, endpoint: Endpoint) -> Iterator[None]:
    """The client spins on a dead server for its whole time: end it when the server is gone."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            if slot.launcher.died(endpoint):
                slot.place.end("client", grace_s=1.0)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def flagged(measurement: Measurement, flag: ValidityFlag, why: str) -> Measurement:
    """``measurement`` with one more flag raised."""
    validity = tuple(dict.fromkeys((*measurement.validity, flag)))
    notes = measurement.notes | {flag.value: why}
    return measurement.model_copy(update={"validity": validity, "notes": notes})


def server_first(launcher: Launcher, endpoint: Endpoint, error: TrialFailed) -> TrialFailed:
    """A client that ran out of time may only show that the server died or hangs."""
    failure = launcher.died(endpoint)
    if failure is None and not launcher.responds(endpoint):
        failure = Failure(
            failure_class=FailureClass.UNHEALTHY,
            reason="The server stopped answering while it was measured.",
            log_tail=error.failure.log_tail,
        )
    return TrialFailed(failure) if failure else error
