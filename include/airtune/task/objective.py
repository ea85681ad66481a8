"""What a task optimises: one of the named objectives, or a metric of one's own."""

from typing import Annotated, Literal, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from airtune.task.base import TaskModel
from airtune.task.fault import fault

ObjectiveName = Literal["minimize_latency", "minimize_ttft", "minimize_tpot", "maximize_throughput"]
Statistic = Literal["mean", "p50", "p90", "p95", "p99"]
MetricName = Literal[
    "ttft_ms",
    "tpot_ms",
    "e2e_latency_ms",
    "output_tokens_per_s",
    "total_tokens_per_s",
    "requests_per_s",
]

LATENCIES: tuple[str, ...] = get_args(MetricName)[:3]
RATES: tuple[str, ...] = get_args(MetricName)[3:]
STATISTICS: tuple[str, ...] = get_args(Statistic)


class CustomObjective(TaskModel):
    """Any metric of a load point, with the direction that is better."""

    metric: MetricName = Field(
        description="Figure of a load point; latencies in ms, rates per second.",
        examples=["ttft_ms"],
    )
    statistic: Statistic = Field(
        "mean", description="Of the requests of one load point; rates have only a mean."
    )
    direction: Literal["minimize", "maximize"] = Field(
        description="Which way is better.", examples=["minimize"]
    )

    @model_validator(mode="after")
    def _sensible(self) -> "CustomObjective":
        if self.metric in RATES and self.statistic != "mean":
            raise fault(
                f"does not exist for {self.metric}, one figure for all requests.",
                "Remove statistic.",
                "statistic",
            )
        better = "maximize" if self.metric in RATES else "minimize"
        if self.direction != better:
            raise fault(
                f"would look for the worst {self.metric}.", f'Write "{better}".', "direction"
            )
        return self


def _tag(value: object) -> str:
    return "<CustomObjective>" if isinstance(value, dict | CustomObjective) else "<name>"


Objective = Annotated[
    Annotated[ObjectiveName, Tag("<name>")] | Annotated[CustomObjective, Tag("<CustomObjective>")],
    Discriminator(_tag),
]
"""``optimization.objective``."""
