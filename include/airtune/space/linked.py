"""Parameters that move together."""

from dataclasses import dataclass

from airtune.records import ParamValue
from airtune.space.dimension import refuse_repeats


@dataclass(frozen=True)
class Linked:
    """``parameters`` take the values of one row of ``values`` at a time.

    Raises:
        ValueError: no rows, a row of another length, a row or a name that stands there twice.
    """

    parameters: tuple[str, ...]
    values: tuple[tuple[ParamValue, ...], ...]

    def __post_init__(self) -> None:
        shown = ", ".join(self.parameters)
        refuse_repeats(self.parameters, "a linked group")
        refuse_repeats(self.values, f"the linked group ({shown})")
        for row in self.values:
            if len(row) != len(self.parameters):
                raise ValueError(
                    f"the linked group ({shown}) needs {len(self.parameters)} values a row, "
                    f"but {list(row)} has {len(row)}."
                )

    @property
    def size(self) -> int:
        """How many rows there are, ≥ 1."""
        return len(self.values)

    def at(self, index: int) -> tuple[ParamValue, ...]:
        """The row at ``index`` (0 ≤ index < size)."""
        return self.values[index]

    def locate(self, position: float) -> int:
        """The index at ``position`` (0 ≤ position < 1)."""
        return int(position * self.size)
