"""How much better one trial is than another, on the raw metric."""

from airtune.records import Gain, LoadPointGain, Score
from airtune.scoring.objectives import Objective
from airtune.task import Task


def gain_over(baseline: Score, other: Score, task: Task, objective: Objective) -> Gain:
    """The gain of ``other`` over ``baseline``: overall, and at each load point both have.

    One deploy each, so without an interval.
    """
    points = []
    for point in task.load_points:
        before = baseline.per_load_point.get(point.key)
        after = other.per_load_point.get(point.key)
        if before is not None and after is not None:
            points.append(
                LoadPointGain(
                    scenario=point.scenario,
                    concurrency=point.concurrency,
                    baseline=before,
                    winner=after,
                    pct=objective.gain_pct(before, after),
                )
            )
    return Gain(
        pct=objective.gain_pct(baseline.raw, other.raw), deploys=1, per_load_point=tuple(points)
    )
