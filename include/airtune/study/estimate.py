"""How long a plan takes, before anything is started."""

from collections.abc import Mapping

from airtune.records import Record
from airtune.settings import Settings
from airtune.study.plan import Plan
from airtune.task import Task

START_S: Mapping[str, float] = {
    "local": 5.0,
    "docker": 120.0,
    "kubernetes": 180.0,
    "ome": 300.0,
    "endpoint": 0.0,
}
"""Typical seconds until a server is ready, by launcher; a pull of the image comes on top."""

CLIENT_S = 10.0
"""Seconds the client takes for a load point before and after its requests (measured: 8 to 10)."""

AIRFLOW_S = 1.5
"""Airflow's own seconds a trial."""


class Estimate(Record):
    """Seconds of a whole plan; ``max_requests_per_iteration`` may end load points earlier.

    Attributes:
        trials: trials to run, the baseline included.
        start_s: one server's start.
        load_points_s: all load points of one trial, at their time limit.
        trial_s: one trial in all.
        at_once: how many one-device trials run at the same time.
        total_s: the whole plan.
    """

    trials: int
    start_s: float
    load_points_s: float
    trial_s: float
    at_once: int
    total_s: float


def estimate(plan: Plan, task: Task, settings: Settings) -> Estimate:
    """Add up starts and load points of ``plan`` over this host's devices."""
    limits, benchmark = task.timeouts, task.benchmark
    start = min(START_S[task.launcher], float(limits.start_s))
    point = benchmark.max_time_per_iteration * 60 + CLIENT_S
    if limits.load_point_s is not None:
        point = min(point, float(limits.load_point_s))
    points = point * len(task.load_points)
    longest = task.optimization.timeout_per_iteration
    if longest is not None:
        points = min(points, max(0.0, longest - start))
    trial = start + points + AIRFLOW_S
    # Elsewhere the cluster decides; one at a time is the careful guess.
    here = len(settings.devices) if task.launcher in {"local", "docker"} else 1
    at_once = max(1, here)
    device_seconds = sum(trial * min(one.server.devices, at_once) for one in plan.trials)
    return Estimate(
        trials=len(plan.trials),
        start_s=start,
        load_points_s=points,
        trial_s=trial,
        at_once=at_once,
        total_s=max(trial, device_seconds / at_once),
    )
