"""The space: every configuration that the search may try, never listed as a whole."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

from airtune.space.admissible import Core, walk
from airtune.space.axis import Axis, Configuration, Position
from airtune.space.choice import Choice
from airtune.space.expression import Expression
from airtune.space.linked import Linked
from airtune.space.range import Range
from airtune.space.spread import even_points, random_points

TRIES = 5_000
"""Points in a row that may miss (repeat or break a constraint) before the rest is listed."""


class Space:
    """All assignments of ``parameters`` and ``linked`` groups that satisfy ``constraints``.

    The grid's order is that of the arguments, linked groups last, the last one moving fastest.

    Raises:
        ValueError: a parameter is set twice, or (as ``ExpressionError``) a constraint is wrong.
    """

    def __init__(
        self,
        parameters: Mapping[str, Choice | Range],
        linked: Sequence[Linked] = (),
        constraints: Sequence[str] = (),
    ) -> None:
        self._parameters, self._linked = parameters, linked
        self.axes = (
            *(Axis((name,), dimension) for name, dimension in parameters.items()),
            *(Axis(group.parameters, group) for group in linked),
        )
        self.names = _distinct(name for axis in self.axes for name in axis.names)
        self.constraints = tuple(Expression.parse(text, self.names) for text in constraints)

    def under(self, constraints: Sequence[str]) -> "Space":
        """The same parameters under other constraints."""
        return Space(self._parameters, self._linked, constraints)

    @cached_property
    def combinations(self) -> int | None:
        """Size of the grid before constraints; None if a range is continuous, 0 without axes."""
        sizes = [axis.size for axis in self.axes]
        if not sizes:
            return 0
        known = [size for size in sizes if size is not None]
        return math.prod(known) if len(known) == len(sizes) else None

    @cached_property
    def count(self) -> int | None:
        """How many configurations satisfy the constraints; None if that is too much to find out.

        Raises:
            ExpressionError: a constraint cannot be evaluated for some configuration.
        """
        if not self.axes:
            return 0
        return None if self._core is None else self._core.count

    @cached_property
    def _core(self) -> Core | None:
        return Core.find(self.axes, self.constraints)

    def at(self, index: int) -> Configuration:
        """The grid's configuration at ``index`` (0 ≤ index < combinations), constraints aside.

        Raises:
            ValueError: a range is continuous.
            IndexError: there is no such index.
        """
        combinations = self._countable()
        if not 0 <= index < combinations:
            raise IndexError(f"configuration {index} of {combinations}")
        indexes: list[int] = []
        for axis in reversed(self.axes):
            index, here = divmod(index, axis.size or 1)
            indexes.append(here)
        return self._configuration(tuple(reversed(indexes)))

    def __iter__(self) -> Iterator[Configuration]:
        """Walk the grid's configurations that satisfy the constraints, lazily and in order.

        Raises:
            ValueError: a range is continuous.
        """
        if self._countable():
            yield from map(self._configuration, walk(self.axes, self.constraints))

    def sample(self, count: int, seed: int) -> list[Configuration]:
        """``count`` distinct configurations spread evenly over the space; fewer if it has fewer."""
        return list(islice(self.spread(seed), count))

    def random(self, count: int, seed: int) -> list[Configuration]:
        """``count`` distinct configurations drawn at random; fewer if the space has fewer."""
        return list(islice(self.draws(seed), count))

    def spread(self, seed: int) -> Iterator[Configuration]:
        """Yield distinct configurations, evenly spread from the first one on."""
        return self._distinct_at(even_points(len(self.axes), seed), seed)

    def draws(self, seed: int) -> Iterator[Configuration]:
        """Yield distinct configurations, drawn at random."""
        return self._distinct_at(random_points(len(self.axes), seed), seed)

    def _distinct_at(
        self, points: Iterator[tuple[float, ...]], seed: int
    ) -> Iterator[Configuration]:
        if not self.axes:
            return
        seen: set[tuple[Position, ...]] = set()
        misses = 0
        while misses < TRIES and len(seen) != self.combinations:
            point = next(points)
            place = tuple(a.dimension.locate(p) for a, p in zip(self.axes, point, strict=True))
            misses += 1
            if place in seen:
                continue
            configuration = self._configuration(place)
            if all(constraint.holds(configuration) for constraint in self.constraints):
                seen.add(place)
                misses = 0
                yield configuration
        for place in self._rest(seed):
            if place not in seen:
                yield self._configuration(place)

    def _rest(self, seed: int) -> Iterator[tuple[int, ...]]:
        """All admissible places in a scattered order; nothing where they cannot be numbered."""
        core = self._core
        count = core.count if core else 0
        if core is None or not count:
            return
        # A stride without a common divisor visits every number once; the golden ratio scatters.
        stride = max(1, round(count * 0.618))
        while math.gcd(stride, count) != 1:
            stride += 1
        for step in range(count):
            yield core.at((seed + step * stride) % count)

    def _configuration(self, place: Sequence[Position]) -> Configuration:
        configuration: Configuration = {}
        for axis, position in zip(self.axes, place, strict=True):
            axis.assign(position, configuration)
        return configuration

    def _countable(self) -> int:
        if self.combinations is None:
            names = ", ".join(axis.names[0] for axis in self.axes if axis.size is None)
            raise ValueError(f"{names}: a continuous range has no grid; give it a step or values.")
        return self.combinations


def _distinct(names: Iterator[str]) -> Collection[str]:
    found: list[str] = []
    for name in names:
        if name in found:
            raise ValueError(f"the parameter {name!r} is set twice; keep one of the two.")
        found.append(name)
    return tuple(found)
