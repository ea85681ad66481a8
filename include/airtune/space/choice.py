"""A parameter that takes one of a list of values."""

from dataclasses import dataclass

from airtune.records import ParamValue
from airtune.space.dimension import refuse_repeats


@dataclass(frozen=True)
class Choice:
    """One of ``values``, in the order given; None means "leave the flag out".

    Raises:
        ValueError: there are no values, or one stands there twice.
    """

    values: tuple[ParamValue, ...]

    def __post_init__(self) -> None:
        refuse_repeats(self.values, "a choice")

    @property
    def size(self) -> int:
        """How many values there are, ≥ 1."""
        return len(self.values)

    def at(self, index: int) -> tuple[ParamValue]:
        """The value at ``index`` (0 ≤ index < size)."""
        return (self.values[index],)

    def locate(self, position: float) -> int:
        """The index at ``position`` (0 ≤ position < 1)."""
        return int(position * self.size)
