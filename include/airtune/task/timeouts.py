"""Time limits of one trial, each with its own clock."""

from pydantic import Field

from airtune.task.base import TaskModel

_HALF_A_DAY = 43_200
"""Airflow's own limit for the task that pulls and starts is a day."""


class Timeouts(TaskModel):
    """Seconds for each phase."""

    capacity_s: float = Field(
        3600, gt=0, description="Seconds to wait for free devices.", examples=[3600]
    )
    pull_s: float = Field(3600, gt=0, description="Seconds to pull an image.", examples=[3600])
    start_s: float = Field(
        600,
        gt=0,
        le=_HALF_A_DAY,
        description="Seconds until a started server is ready.",
        examples=[600],
    )
    load_point_s: float | None = Field(
        None,
        gt=0,
        description="Seconds for one load point; left out: max_time_per_iteration and a margin.",
        examples=[300],
    )
