"""What a measurement holds: each metric's unit, and whether more of it is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from airtune.records import Distribution, Measurement

STATISTICS: Final = ("mean", "p50", "p90", "p95", "p99")
"""What can be asked of a metric that differs from request to request."""


class Direction(StrEnum):
    """Which way is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


@dataclass(frozen=True)
class Metric:
    """One figure of a load point.

    Attributes:
        name: attribute of ``Measurement`` that holds it.
        title: how people call it.
        unit: as written behind the figure; empty for a ratio.
        direction: which way is better.
        per_request: it has a mean and percentiles; otherwise only ``mean``.
        shared: a sum over all devices of the server, to be divided among them.
    """

    name: str
    title: str
    unit: str
    direction: Direction
    per_request: bool = False
    shared: bool = False


def _latency(name: str, title: str) -> Metric:
    return Metric(name, title, "ms", Direction.MINIMIZE, per_request=True)


def _throughput(name: str, title: str, unit: str) -> Metric:
    return Metric(name, title, unit, Direction.MAXIMIZE, shared=True)


METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            _latency("e2e_latency_ms", "latency"),
            _latency("ttft_ms", "TTFT"),
            _latency("tpot_ms", "TPOT"),
            _throughput("output_tokens_per_s", "output throughput", "tokens/s"),
            _throughput("total_tokens_per_s", "total throughput", "tokens/s"),
            _throughput("requests_per_s", "request rate", "requests/s"),
            Metric("error_rate", "error rate", "", Direction.MINIMIZE),
        )
    }
)


def metric_named(name: str) -> Metric:
    """The metric of that name.

    Raises:
        ValueError: there is none; the text lists those that exist. An unknown name is never
            scored in silence.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise ValueError(f"{name!r} is no metric. Write one of: {', '.join(METRICS)}.") from None


def figure(measurement: Measurement, metric: Metric, statistic: str = "mean") -> float | None:
    """The metric at one load point, in the metric's unit, summed over devices.

    Returns:
        None when the measurement does not have it (no request completed).

    Raises:
        ValueError: the metric has no such statistic.
    """
    if statistic not in (STATISTICS if metric.per_request else STATISTICS[:1]):
        known = ", ".join(STATISTICS) if metric.per_request else "mean only"
        raise ValueError(f"{metric.name} has no statistic {statistic!r}. It has: {known}.")
    value = getattr(measurement, metric.name)
    if isinstance(value, Distribution):
        return float(getattr(value, statistic))
    return None if value is None else float(value)
