"""The configurations that satisfy all constraints: walked lazily, and counted without walking all.

Only the axes that a constraint speaks of (the core) have to be looked at; every admissible core
goes with every value of the free axes. A constraint is asked as soon as its last axis is set, so
a whole branch falls at once.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airtune.space.axis import Axis, Configuration
from airtune.space.expression import Expression

CORE_STEPS = 100_000
"""Steps after which counting gives up: less than a second."""


def walk(axes: Sequence[Axis], constraints: Sequence[Expression]) -> Iterator[tuple[int, ...]]:
    """Yield the indexes of every admissible configuration, the last axis moving fastest.

    All axes must be countable.

    Raises:
        ExpressionError: a constraint cannot be evaluated for some configuration.
    """
    for indexes in _steps(axes, constraints):
        if indexes is not None:
            yield indexes


def _steps(
    axes: Sequence[Axis], constraints: Sequence[Expression]
) -> Iterator[tuple[int, ...] | None]:
    """Like ``walk``, and None for every step that yields nothing, so that a caller can give up."""
    if not axes:
        yield ()
        return
    asked = _asked_at(axes, constraints)
    configuration: Configuration = {}
    indexes = [-1]
    while indexes:
        depth = len(indexes) - 1
        indexes[depth] += 1
        if indexes[depth] == axes[depth].size:
            indexes.pop()
            continue
        axes[depth].assign(indexes[depth], configuration)
        if not all(constraint.holds(configuration) for constraint in asked[depth]):
            yield None
        elif depth + 1 < len(axes):
            indexes.append(-1)
        else:
            yield tuple(indexes)


def _asked_at(axes: Sequence[Axis], constraints: Sequence[Expression]) -> list[list[Expression]]:
    """For each axis the constraints whose last parameter it sets; constant ones come first."""
    asked: list[list[Expression]] = [[] for _ in axes]
    for constraint in constraints:
        last = max((i for i, a in enumerate(axes) if constraint.names & set(a.names)), default=0)
        asked[last].append(constraint)
    return asked


@dataclass(frozen=True)
class Core:
    """All admissible configurations, numbered without being listed.

    Attributes:
        axes: of the whole space, all countable.
        where: which of them are the core's.
        rows: the admissible indexes on these.
    """

    axes: tuple[Axis, ...]
    where: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]

    @classmethod
    def find(
        cls, axes: Sequence[Axis], constraints: Sequence[Expression], steps: int = CORE_STEPS
    ) -> "Core | None":
        """Look for the admissible cores; None if ``steps`` were not enough or one is continuous.

        Raises:
            ExpressionError: a constraint cannot be evaluated for some configuration.
        """
        if any(axis.size is None for axis in axes):
            return None
        spoken = {name for constraint in constraints for name in constraint.names}
        where = [i for i, axis in enumerate(axes) if spoken & set(axis.names)]
        if constraints and not where:
            where = [0]  # a constraint without names still has to be asked once
        rows: list[tuple[int, ...]] = []
        for step, row in enumerate(_steps([axes[i] for i in where], constraints)):
            if step >= steps:
                return None
            if row is not None:
                rows.append(row)
        return cls(tuple(axes), tuple(where), tuple(rows))

    @property
    def count(self) -> int:
        """How many configurations are admissible."""
        return len(self.rows) * math.prod(self._free_sizes)

    @property
    def _free_sizes(self) -> list[int]:
        return [a.size or 0 for i, a in enumerate(self.axes) if i not in self.where]

    def at(self, number: int) -> tuple[int, ...]:
        """The indexes of the admissible configuration ``number`` (0 ≤ number < count)."""
        free = []
        for size in reversed(self._free_sizes):
            number, index = divmod(number, size)
            free.append(index)
        core = dict(zip(self.where, self.rows[number], strict=True))
        return tuple(core[i] if i in core else free.pop() for i in range(len(self.axes)))
