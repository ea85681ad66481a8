"""What Choice, Range and Linked have in common: values that can be counted, indexed and drawn."""

import json
from collections.abc import Sequence
from typing import Protocol

from airtune.records import ParamValue


class Dimension(Protocol):
    """One direction of the space."""

    @property
    def size(self) -> int | None:
        """How many values there are; None for a continuous range, which cannot be counted."""
        ...

    def at(self, index: int) -> tuple[ParamValue, ...]:
        """The value at ``index`` (0 ≤ index < size), one entry for each parameter it sets."""
        ...

    def locate(self, position: float) -> int | float:
        """Where ``position`` (0 ≤ position < 1) falls: an index, or a continuous range's value."""
        ...


def typed(value: object) -> str:
    """Text that is equal for equal values of equal type: 1, 1.0, True and "1" all differ."""
    return json.dumps(value, sort_keys=True)


def refuse_repeats(values: Sequence[object], what: str) -> None:
    """Refuse an empty list, and one that holds the same value twice.

    Raises:
        ValueError: says what is wrong and what to do.
    """
    if not values:
        raise ValueError(f"{what} has no values; list at least one.")
    seen: set[str] = set()
    for value in values:
        text = typed(value)
        if text in seen:
            raise ValueError(f"{what} lists {text} twice; remove one of them.")
        seen.add(text)
