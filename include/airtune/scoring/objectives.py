"""What to optimise: the named objectives in one table, and the task's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from airtune.records import Measurement
from airtune.scoring.metrics import METRICS, Direction, Metric, figure, metric_named
from airtune.task import Task


@dataclass(frozen=True)
class Objective:
    """One figure per load point and which way is better.

    Attributes:
        name: as the task calls it; ``custom`` for ``{metric, statistic, direction}``.
        per_device: the figure is divided by the number of devices held.
    """

    name: str
    metric: Metric
    statistic: str
    direction: Direction
    per_device: bool = False

    @property
    def unit(self) -> str:
        """For example ``ms`` or ``tokens/s per device``."""
        return f"{self.metric.unit} per device" if self.per_device else self.metric.unit

    @property
    def maximize(self) -> bool:
        """True when more is better."""
        return self.direction is Direction.MAXIMIZE

    def figure(self, measurement: Measurement, devices: int) -> float | None:
        """The figure of one load point, > 0, in ``unit``.

        Returns:
            None when it was not measured. A figure of 0 counts as not measured: no request can
            take no time, and where no token came nothing was served.
        """
        value = figure(measurement, self.metric, self.statistic)
        if value is None or value <= 0:
            return None
        return value / devices if self.per_device else value

    def gain_pct(self, baseline: float, other: float) -> float:
        """How much better ``other`` is than ``baseline`` (> 0), in per cent; > 0 is better."""
        change = 100.0 * (other - baseline) / baseline
        return change if self.maximize else -change

    def sentence(self) -> str:
        """For people: ``the lowest mean TTFT (ms)``."""
        what = self.metric.title
        if self.metric.per_request:
            what = f"{self.statistic} {what}"
        return f"the {'highest' if self.maximize else 'lowest'} {what} ({self.unit})"


def _named(name: str, metric: str) -> Objective:
    return Objective(name, METRICS[metric], "mean", METRICS[metric].direction)


OBJECTIVES: Final[Mapping[str, Objective]] = MappingProxyType(
    {
        objective.name: objective
        for objective in (
            _named("minimize_latency", "e2e_latency_ms"),
            _named("minimize_ttft", "ttft_ms"),
            _named("minimize_tpot", "tpot_ms"),
            _named("maximize_throughput", "output_tokens_per_s"),
        )
    }
)


def objective_of(task: Task) -> Objective:
    """The task's objective; throughput per device held unless its scope is ``total``.

    Raises:
        ValueError: the objective or its metric is unknown.
    """
    wanted = task.optimization.objective
    if isinstance(wanted, str):
        if wanted not in OBJECTIVES:
            known = ", ".join(OBJECTIVES)
            raise ValueError(f"{wanted!r} is no objective. Write one of: {known}.")
        found = OBJECTIVES[wanted]
    else:
        metric = metric_named(wanted.metric)
        found = Objective("custom", metric, wanted.statistic, Direction(wanted.direction))
    per_device = found.metric.shared and task.optimization.scope == "per_device"
    return Objective(found.name, found.metric, found.statistic, found.direction, per_device)
