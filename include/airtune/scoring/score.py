"""From load points to one figure: weighted geometric mean, and the penalty of the SLO."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from airtune.records import LoadPoint, Measurement, Score
from airtune.scoring.objectives import Objective, objective_of
from airtune.scoring.requirements import Requirement, requirements
from airtune.scoring.slo import penalty
from airtune.task import Task


def score_trial(load_points: Sequence[Measurement], task: Task, devices: int) -> Score | None:
    """The trial's figure under the task's objective, feasible or not.

    Args:
        load_points: what was measured; points that the task does not ask for are ignored.
        devices: how many devices the server held, ≥ 1.

    Returns:
        None when any load point of the task is missing, invalid, has an error rate above
        ``benchmark.max_error_rate``, or lacks a figure that the objective or the SLO needs.

    Raises:
        ValueError: ``devices`` is below 1.
    """
    rules = _Rules.of(task, devices)
    figures: dict[str, float] = {}
    penalties = 0.0
    for point in task.load_points:
        repeats = _measured_at(point, load_points)
        if not repeats or any(rules.fault(found) for found in repeats):
            return None
        # The worst repeat counts: measuring a point again must not be a way to a better score.
        worst = min if rules.objective.maximize else max
        figures[point.key] = worst(rules.figure(found) for found in repeats)
        penalties += max(rules.penalty(found) for found in repeats)
    return _combined(figures, penalties, rules.objective, task) if figures else None


def unusable_points(load_points: Sequence[Measurement], task: Task, devices: int) -> dict[str, str]:
    """Load point key → why that point has no figure, for the points that have none."""
    rules = _Rules.of(task, devices)
    reasons: dict[str, str] = {}
    for point in task.load_points:
        repeats = _measured_at(point, load_points)
        faults = [fault for found in repeats if (fault := rules.fault(found))]
        if faults or not repeats:
            reasons[point.key] = faults[0] if faults else "not measured"
    return reasons


@dataclass(frozen=True)
class _Rules:
    """What the task asks of one load point."""

    objective: Objective
    bounds: tuple[Requirement, ...]
    steepness: float
    max_error_rate: float
    devices: int

    @classmethod
    def of(cls, task: Task, devices: int) -> "_Rules":
        if devices < 1:
            raise ValueError(f"A server holds at least one device, not {devices}.")
        return cls(
            objective=objective_of(task),
            bounds=requirements(task),
            steepness=task.slo.steepness if task.slo else 1.0,
            max_error_rate=task.benchmark.max_error_rate,
            devices=devices,
        )

    def fault(self, point: Measurement) -> str:
        """Why the point has no figure; empty when it has one."""
        if not point.scorable:
            return ", ".join(point.validity)
        if point.completed == 0:
            return "no request completed"
        if point.error_rate > self.max_error_rate:
            return f"{100 * point.error_rate:.1f} % of the requests failed"
        if self.objective.figure(point, self.devices) is None:
            return f"{self.objective.metric.name} is missing"
        missing = [bound.metric.name for bound in self.bounds if bound.actual(point) is None]
        return f"{missing[0]} is missing, which a bound needs" if missing else ""

    def figure(self, point: Measurement) -> float:
        """The objective's figure of a point without fault."""
        value = self.objective.figure(point, self.devices)
        if value is None:
            raise ValueError(f"{point.load_point.key} has no {self.objective.metric.name}.")
        return value

    def penalty(self, point: Measurement) -> float:
        """Σ of the SLO penalties of a point without fault."""
        total = 0.0
        for bound in self.bounds:
            actual = bound.actual(point)
            if actual is not None and bound.weight > 0:
                excess = bound.excess(actual)
                total += penalty(excess, weight=bound.weight, steepness=self.steepness)
        return total


def _measured_at(point: LoadPoint, load_points: Sequence[Measurement]) -> list[Measurement]:
    return [found for found in load_points if found.load_point == point]


def _combined(
    figures: dict[str, float], penalties: float, objective: Objective, task: Task
) -> Score:
    weights = [task.weight(point) for point in task.load_points]
    logs = [math.log(figures[point.key]) for point in task.load_points]
    total = math.fsum(weight * log for weight, log in zip(weights, logs, strict=True))
    raw = math.exp(total / math.fsum(weights))
    factor = 1.0 + penalties
    return Score(
        raw=raw,
        penalty=penalties,
        score=raw / factor if objective.maximize else raw * factor,
        per_load_point=figures,
    )
