"""One dimension of a space together with the names of the parameters that it sets."""

from dataclasses import dataclass

from airtune.records import ParamValue
from airtune.space.dimension import Dimension

Configuration = dict[str, ParamValue]
"""One assignment of the searched parameters, by name."""

Position = int | float
"""Where a configuration lies on one axis: an index, or a continuous range's value."""


@dataclass(frozen=True)
class Axis:
    """A dimension and its parameters; a linked group sets several at a time."""

    names: tuple[str, ...]
    dimension: Dimension

    @property
    def size(self) -> int | None:
        """How many values there are; None if continuous."""
        return self.dimension.size

    def assign(self, position: Position, configuration: Configuration) -> None:
        """Write this axis' parameters, at ``position``, into ``configuration``."""
        if isinstance(position, float):
            configuration[self.names[0]] = position
        else:
            configuration.update(zip(self.names, self.dimension.at(position), strict=True))
