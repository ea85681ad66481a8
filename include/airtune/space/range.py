"""A numeric parameter between two bounds."""

import math
from dataclasses import dataclass
from decimal import Decimal

_DIGITS = 4
"""Digits of a drawn real: finer values make no difference to an engine, and long labels."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included.

    With ``step`` (or ``integer``, whose step is 1) it has a grid; without it is continuous. With
    ``log`` draws are even in the logarithm; the grid of an integer range stays every integer.

    Raises:
        ValueError: bounds not finite or not ascending, a step ≤ 0, a fraction in an integer
            range, ``log`` with a bound ≤ 0 or with a step.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    integer: bool = False

    def __post_init__(self) -> None:
        given = [bound for bound in (self.low, self.high, self.step) if bound is not None]
        if not all(math.isfinite(bound) for bound in given):
            raise ValueError(f"{self._text} must have finite bounds.")
        if self.low >= self.high:
            raise ValueError(f"{self._text} is empty: low must be below high.")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"{self._text} has step {self.step}; write one above 0.")
        if self.integer and any(bound != int(bound) for bound in given):
            raise ValueError(f"{self._text} is an integer range; its bounds have no fraction.")
        if self.log and self.low <= 0:
            raise ValueError(f"{self._text} with log needs low > 0.")
        if self.log and self.step is not None:
            raise ValueError(f"{self._text} has both log and step; remove one of them.")

    @property
    def _text(self) -> str:
        return f"the range {self.low}..{self.high}"

    @property
    def size(self) -> int | None:
        """How many values the grid has; None if continuous."""
        step = self._step
        if step is None:
            return None
        return int((_exact(self.high) - _exact(self.low)) / step) + 1

    @property
    def _step(self) -> Decimal | None:
        if self.step is not None:
            return _exact(self.step)
        return Decimal(1) if self.integer else None

    def at(self, index: int) -> tuple[int | float]:
        """The grid's value at ``index`` (0 ≤ index < size).

        Raises:
            ValueError: the range is continuous.
        """
        step = self._step
        if step is None:
            raise ValueError(f"{self._text} is continuous and has no grid; give it a step.")
        # Decimal, because 0.1 + 2 × 0.1 would be 0.30000000000000004 in floats.
        value = _exact(self.low) + index * step
        return (int(value),) if self.integer else (float(value),)

    def locate(self, position: float) -> int | float:
        """The index (or the value, if continuous) at ``position`` (0 ≤ position < 1)."""
        size = self.size
        if size is None:
            return self._real(position)
        if not self.log:
            return int(position * size)
        # Half a step beyond both ends, so that the outermost integers get their full share.
        low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
        value = round(math.exp(low + position * (high - low)))
        return min(max(value - int(self.low), 0), size - 1)

    def _real(self, position: float) -> float:
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            value = float(f"{math.exp(low + position * (high - low)):.{_DIGITS}g}")
        else:
            width = self.high - self.low
            value = self.low + position * width
            value = round(value, _DIGITS - math.ceil(math.log10(width)))
        return min(max(value, float(self.low)), float(self.high))


def _exact(number: float) -> Decimal:
    return Decimal(str(number))
