"""How configurations are chosen and compared."""

from typing import Literal

from pydantic import Field

from airtune.task.base import TaskModel
from airtune.task.objective import Objective


class Optimization(TaskModel):
    """Strategy, objective and bounds of the search."""

    strategy: Literal["grid_search", "random"] = Field(
        "grid_search",
        description="grid_search: every configuration, or an even sample of max_iterations of "
        "them. random: max_iterations configurations drawn at random.",
        examples=["grid_search"],
    )
    objective: Objective = Field(
        description="A named objective, or {metric, statistic, direction}.",
        examples=["minimize_latency"],
    )
    max_iterations: int | None = Field(
        None, ge=1, description="Most search trials; the baseline comes on top.", examples=[20]
    )
    timeout_per_iteration: float | None = Field(
        None,
        gt=0,
        description="Seconds for starting and measuring one trial; waiting for devices and "
        "pulling images are not counted.",
        examples=[600],
    )
    seed: int = Field(0, ge=0, description="Makes the sample repeatable.", examples=[42])
    min_gain_pct: float = Field(
        3, ge=0, description="Per cent by which the baseline must be beaten.", examples=[3]
    )
    scope: Literal["per_device", "total"] = Field(
        "per_device",
        description="Rates are divided by the devices held, or summed over them.",
        examples=["total"],
    )
