"""One task instance of a run, as the REST API tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class TaskState:
    """State of one task instance.

    Attributes:
        task_id: for example ``slot.deploy``.
        map_index: the slot, -1 for a task that is not mapped.
        state: Airflow's word; None before it is scheduled.
        try_number: of the newest try, from 1.
        started, ended: moments with zone, None if not yet.
    """

    task_id: str
    map_index: int
    state: str | None
    try_number: int = 1
    started: datetime | None = None
    ended: datetime | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "TaskState":
        """From one entry of ``taskInstances``."""
        return cls(
            task_id=data["task_id"],
            map_index=data["map_index"],
            state=data["state"],
            try_number=max(1, data.get("try_number") or 1),
            started=_moment(data.get("start_date")),
            ended=_moment(data.get("end_date")),
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
