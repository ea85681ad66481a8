"""A task file that runs by itself: what its DAG is made of."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Asset
    from airflow.sdk.definitions.timetables.trigger import CronTriggerTimetable

PREFIX = "sweep__"

_GRACE = timedelta(minutes=1)
"""A first run that is this late is caught up with: the scheduler may look a moment after."""


@dataclass(frozen=True)
class Sweep:
    """One sweep, as its file says.

    Attributes:
        task_name: of the task.
        file: name of the file in the sweep folder.
        cron, timezone: when it runs; five fields, an IANA zone.
        receivers: the task's ``notify`` as JSON.
    """

    task_name: str
    file: str
    cron: str
    timezone: str
    receivers: tuple[dict[str, Any], ...] = ()

    @property
    def dag_id(self) -> str:
        """``sweep__<task_name>``."""
        return PREFIX + self.task_name

    @property
    def timetable(self) -> "CronTriggerTimetable":
        """One run at each time of the schedule; a time missed is missed."""
        from airflow.sdk import CronTriggerTimetable

        return CronTriggerTimetable(self.cron, timezone=self.timezone, run_immediately=_GRACE)

    @property
    def asset(self) -> "Asset":
        """Gets an event with each verdict."""
        return verdict_asset(self.task_name)


def verdict_asset(task_name: str) -> "Asset":
    """The asset that stands for the verdict of a sweep."""
    from airflow.sdk import Asset

    return Asset(name=f"airtune_verdict_{task_name}", uri=f"airtune://verdict/{task_name}")
