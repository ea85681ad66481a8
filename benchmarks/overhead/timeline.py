"""One run's trials on a time line: what Airflow cost, and where. Pure."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from itertools import pairwise
from statistics import median


@dataclass(frozen=True)
class TaskTimes:
    """When one task instance did what, in epoch seconds.

    Attributes:
        queued: the scheduler has handed it to the executor (of a deferred one: the last time).
        started: its process runs and has said so.
        executes: the DAG file is parsed, the operator's code begins.
        ended: its end is known to Airflow.
    """

    queued: float
    started: float
    executes: float
    ended: float


@dataclass(frozen=True)
class TrialTimes:
    """One trial.

    Attributes:
        device: the one that it held.
        leased: deploy got the device, epoch seconds.
        gone: teardown saw the last process gone, epoch seconds.
        start_s, measure_s: what airtune recorded as ``start`` and ``benchmark``.
    """

    device: str
    deploy: TaskTimes
    benchmark: TaskTimes
    teardown: TaskTimes
    leased: float
    gone: float
    start_s: float
    measure_s: float


@dataclass(frozen=True)
class Phases:
    """Where the gap between two trials on one device goes, in seconds; the sum is the gap.

    Attributes:
        deploy_end: server ready → Airflow knows that deploy has ended.
        scheduler: end of a task → the next one is with the executor; both times.
        process: with the executor → its process runs; both times.
        parse: its process runs → the operator's code begins; both times.
        benchmark: the benchmark operator's own work beside the measuring, its end included.
        teardown: the operator's code begins → no process is left.
        handover: no process is left → the next trial holds the device.
    """

    deploy_end: float
    scheduler: float
    process: float
    parse: float
    benchmark: float
    teardown: float
    handover: float

    @property
    def gap(self) -> float:
        """Seconds in which the device neither starts nor measures."""
        return float(sum(astuple(self)))


def phases_of(trial: TrialTimes, next_leased: float) -> Phases:
    """The gap that ``trial`` leaves before the next one's lease on the same device."""
    benchmark, teardown = trial.benchmark, trial.teardown
    return Phases(
        deploy_end=trial.deploy.ended - trial.leased - trial.start_s,
        scheduler=(benchmark.queued - trial.deploy.ended) + (teardown.queued - benchmark.ended),
        process=(benchmark.started - benchmark.queued) + (teardown.started - teardown.queued),
        parse=(benchmark.executes - benchmark.started) + (teardown.executes - teardown.started),
        benchmark=benchmark.ended - benchmark.executes - trial.measure_s,
        teardown=trial.gone - teardown.executes,
        handover=next_leased - trial.gone,
    )


def gaps(trials: Sequence[TrialTimes]) -> list[Phases]:
    """The gaps between consecutive trials of the same device."""
    ordered = sorted(trials, key=lambda trial: (trial.device, trial.leased))
    return [
        phases_of(trial, after.leased)
        for trial, after in pairwise(ordered)
        if trial.device == after.device
    ]


def cost_per_trial(trials: Sequence[TrialTimes]) -> float:
    """(last teardown − first deploy − Σ start − Σ measure) ÷ n, in seconds, on one device."""
    spent = sum(trial.start_s + trial.measure_s for trial in trials)
    return (wall(trials) - spent) / len(trials)


def trials_per_hour(trials: Sequence[TrialTimes]) -> float:
    """Trials ÷ (last teardown − first deploy)."""
    return len(trials) * 3600 / wall(trials)


def wall(trials: Sequence[TrialTimes]) -> float:
    """Seconds from the first deploy's start to the last teardown's end."""
    first = min(trial.deploy.started for trial in trials)
    return max(trial.teardown.ended for trial in trials) - first


def median_phases(found: Sequence[Phases]) -> dict[str, float]:
    """The median of each phase, and of the gap itself; medians do not add up."""
    table = {
        field.name: median(getattr(one, field.name) for one in found) for field in fields(Phases)
    }
    return table | {"gap": median(one.gap for one in found)}
