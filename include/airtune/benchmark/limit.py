"""How long one load point may take."""

from airtune.records import LoadPoint
from airtune.task import Task

_MARGIN_S = 60.0
"""For what surrounds the requests: imports, spawning, stopping, writing."""


def load_point_limit_s(task: Task, point: LoadPoint) -> float:
    """Seconds after which the client of ``point`` is ended: the task's own, else derived."""
    if task.timeouts.load_point_s is not None:
        return float(task.timeouts.load_point_s)
    return task.benchmark.max_time_per_iteration * 60 + _MARGIN_S
