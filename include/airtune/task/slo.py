"""Service level objectives in the seed's form; thresholds are seconds."""

from pydantic import Field

from airtune.task.base import TaskModel


class SloLimit(TaskModel):
    """One threshold and what happens beyond it."""

    threshold: float = Field(gt=0, description="Seconds.", examples=[1.0])
    weight: float = Field(1.0, ge=0, description="Of the penalty beyond the threshold.")
    hard_fail: bool = Field(
        False, description="Beyond threshold × (1 + fail_ratio) the configuration is infeasible."
    )
    fail_ratio: float = Field(
        0.5, ge=0, description="Excess that hard_fail still tolerates, as a part of the threshold."
    )


class LatencySlo(TaskModel):
    """Percentiles of the end-to-end latency."""

    p50: SloLimit | None = Field(None, description="Median.", examples=[{"threshold": 2.0}])
    p90: SloLimit | None = Field(
        None, description="90th percentile.", examples=[{"threshold": 5.0, "hard_fail": True}]
    )
    p99: SloLimit | None = Field(
        None, description="99th percentile.", examples=[{"threshold": 10.0}]
    )


class Slo(TaskModel):
    """Limits on latency (percentiles) and on the means of TTFT and TPOT, at each load point."""

    latency: LatencySlo | None = Field(
        None,
        description="End-to-end latency by percentile.",
        examples=[{"p99": {"threshold": 10.0}}],
    )
    ttft: SloLimit | None = Field(
        None, description="Mean time to first token.", examples=[{"threshold": 1.0}]
    )
    tpot: SloLimit | None = Field(
        None, description="Mean time per output token.", examples=[{"threshold": 0.05}]
    )
    steepness: float = Field(
        0.1, gt=0, description="Penalty = weight × (exp(excess ÷ steepness) − 1), at most × 100."
    )
