"""The task's SLO and own constraints in one form: a figure of a load point and its bound."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from airtune.records import Measurement
from airtune.scoring.metrics import Direction, Metric, figure, metric_named
from airtune.task import Task

_MS = 1000.0  # seed-style SLO thresholds are seconds, measurements are milliseconds


@dataclass(frozen=True)
class Requirement:
    """One bound that each load point is held against.

    Attributes:
        bound: in the metric's unit.
        hard: beyond ``fail_ratio`` the configuration is infeasible.
        fail_ratio: excess that a hard requirement still tolerates, ≥ 0.
        weight: of the penalty within that tolerance, ≥ 0.
    """

    metric: Metric
    statistic: str
    bound: float
    hard: bool
    fail_ratio: float = 0.0
    weight: float = 0.0

    def actual(self, measurement: Measurement) -> float | None:
        """The figure that is held against the bound; None when it was not measured."""
        return figure(measurement, self.metric, self.statistic)

    def excess(self, actual: float) -> float:
        """How far ``actual`` is on the wrong side, relative to the bound; ≤ 0 when it holds.

        Relative to a bound of 0 there is no ratio: the distance itself is taken.
        """
        over = actual - self.bound
        if self.metric.direction is Direction.MAXIMIZE:
            over = -over
        return over / abs(self.bound) if self.bound else over

    def breaks(self, actual: float) -> bool:
        """True when ``actual`` makes the configuration infeasible."""
        excess = self.excess(actual)
        return self.hard and excess > 0 and excess > self.fail_ratio

    @property
    def name(self) -> str:
        """For people: ``p99 TTFT``."""
        if not self.metric.per_request:
            return self.metric.title
        return f"{self.statistic} {self.metric.title}"


def requirements(task: Task) -> tuple[Requirement, ...]:
    """All bounds of the task: its SLO block first, then its own constraints.

    Raises:
        ValueError: a constraint names no metric or no statistic of it.
    """
    return (*_of_slo(task), *_of_constraints(task.constraints))


def _of_slo(task: Task) -> Iterator[Requirement]:
    if task.slo is None:
        return
    latency = task.slo.latency
    entries = [("ttft_ms", "mean", task.slo.ttft), ("tpot_ms", "mean", task.slo.tpot)]
    if latency is not None:
        entries += [
            ("e2e_latency_ms", "p50", latency.p50),
            ("e2e_latency_ms", "p90", latency.p90),
            ("e2e_latency_ms", "p99", latency.p99),
        ]
    for name, statistic, entry in entries:
        if entry is not None:
            yield Requirement(
                metric=metric_named(name),
                statistic=statistic,
                bound=entry.threshold * _MS,
                hard=entry.hard_fail,
                fail_ratio=entry.fail_ratio,
                weight=entry.weight,
            )


def _of_constraints(
    constraints: Mapping[str, float | Mapping[str, float]],
) -> Iterator[Requirement]:
    for name, bounds in constraints.items():
        metric = metric_named(name)
        by_statistic = bounds if isinstance(bounds, Mapping) else {"mean": bounds}
        for statistic, bound in by_statistic.items():
            yield Requirement(metric=metric, statistic=statistic, bound=float(bound), hard=True)
