"""From single requests to the figures of a load point. This is where units are attached."""

from collections.abc import Sequence
from typing import NamedTuple

from airtune.benchmark.parse import RawResult
from airtune.records import Distribution


class Figures(NamedTuple):
    """What the completed requests of one load point say; None where there is none.

    Throughput is of a closed loop: C users without think time are always busy, so per second of
    the server's time C ÷ Σ e2e requests complete (the client stores no times of day).
    """

    ttft_ms: Distribution | None = None
    tpot_ms: Distribution | None = None
    e2e_latency_ms: Distribution | None = None
    output_tokens_per_s: float | None = None
    total_tokens_per_s: float | None = None
    requests_per_s: float | None = None
    effective_concurrency: float | None = None
    input_tokens_mean: float | None = None
    output_tokens_mean: float | None = None


def figures_of(raw: RawResult) -> Figures:
    """The figures of ``raw``; all None where no request completed."""
    done = raw.completed
    e2e_s = sum(one.e2e_s for one in done)
    if e2e_s <= 0:
        return Figures()
    output = sum(one.output_tokens for one in done)
    given = sum(one.input_tokens for one in done)
    concurrency = raw.point.concurrency
    return Figures(
        ttft_ms=distribution_ms([one.ttft_s for one in done]),
        tpot_ms=distribution_ms([one.tpot_s for one in done if one.tpot_s is not None]),
        e2e_latency_ms=distribution_ms([one.e2e_s for one in done]),
        output_tokens_per_s=concurrency * output / e2e_s,
        total_tokens_per_s=concurrency * (output + given) / e2e_s,
        requests_per_s=concurrency * len(done) / e2e_s,
        effective_concurrency=e2e_s / raw.seconds if raw.seconds else None,
        input_tokens_mean=given / len(done),
        output_tokens_mean=output / len(done),
    )


def distribution_ms(seconds: Sequence[float]) -> Distribution | None:
    """Mean and percentiles (linear between neighbours) in ms; None of nothing."""
    if not seconds:
        return None
    ordered = sorted(value * 1000 for value in seconds)
    return Distribution(
        mean=sum(ordered) / len(ordered),
        p50=_percentile(ordered, 0.50),
        p90=_percentile(ordered, 0.90),
        p95=_percentile(ordered, 0.95),
        p99=_percentile(ordered, 0.99),
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
