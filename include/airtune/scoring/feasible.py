"""What makes a configuration infeasible: a hard SLO or an own constraint that it breaks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airtune.records import Failure, FailureClass, Measurement
from airtune.scoring.requirements import Requirement, requirements
from airtune.scoring.words import number
from airtune.task import Task


@dataclass(frozen=True)
class Violation:
    """One hard requirement broken at one load point."""

    requirement: Requirement
    load_point: str
    actual: float

    @property
    def excess(self) -> float:
        """How far beyond the bound, relative to it (0.2 = 20 %)."""
        return self.requirement.excess(self.actual)

    def __str__(self) -> str:
        bound, unit = self.requirement.bound, self.requirement.metric.unit
        by = f", {number(100 * self.excess)} % beyond" if bound else ", beyond"
        tolerated = self.requirement.fail_ratio
        slack = f" (up to {number(100 * tolerated)} % more is tolerated)" if tolerated else ""
        actual = f"{number(self.actual)} {unit}".rstrip()
        limit = f"{number(bound)} {unit}".rstrip()
        return f"{self.requirement.name} {actual} at {self.load_point}{by} the bound {limit}{slack}"


def violations(load_points: Sequence[Measurement], task: Task) -> tuple[Violation, ...]:
    """Every hard requirement broken, the worst first."""
    found = list(_violations(load_points, requirements(task)))
    return tuple(sorted(found, key=lambda violation: -violation.excess))


def infeasibility(load_points: Sequence[Measurement], task: Task) -> Failure | None:
    """The failure of a configuration that was measured and breaks what must hold.

    A point that broke for a reason of its own (``incomplete``, ``wrong_length``) is judged by its
    error rate alone; that it has no score is the benchmark's failure, which is asked first.

    Returns:
        class ``overload`` for an error rate beyond its bound, ``slo`` for everything else; None
        when nothing measured so far breaks a bound.
    """
    found = violations(load_points, task)
    if not found:
        return None
    worst = found[0]
    overload = worst.requirement.metric.name == "error_rate"
    more = f" ({len(found) - 1} more bound(s) broken)" if len(found) > 1 else ""
    return Failure(
        failure_class=FailureClass.OVERLOAD if overload else FailureClass.SLO,
        reason=f"{worst}{more}.",
    )


def _violations(
    load_points: Sequence[Measurement], bounds: Sequence[Requirement]
) -> Iterator[Violation]:
    for point in load_points:
        for requirement in bounds:
            if requirement.metric.name == "error_rate":
                judged = point.requests > 0
            else:
                judged = point.scorable
            actual = requirement.actual(point) if judged else None
            if actual is not None and requirement.breaks(actual):
                yield Violation(requirement, point.load_point.key, actual)
