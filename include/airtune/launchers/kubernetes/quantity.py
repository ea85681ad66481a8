"""Kubernetes' way of writing amounts: ``500m``, ``2Gi``, ``1e3``."""

import re
from decimal import Decimal
from fractions import Fraction

_FORM = re.compile(r"(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))(?P<suffix>[eE][+-]?\d+|[a-zA-Z]*)")
_SUFFIXES = {
    "": Fraction(1),
    **{letter: Fraction(10) ** power for letter, power in zip("num", (-9, -6, -3), strict=True)},
    "k": Fraction(10**3),
    **{letter: Fraction(10 ** (3 * power)) for power, letter in enumerate("MGTPE", 2)},
    **{f"{letter}i": Fraction(2 ** (10 * power)) for power, letter in enumerate("KMGTPE", 1)},
}


def quantity(text: str | int | float) -> Fraction:
    """The exact amount: cores, bytes or pieces.

    Raises:
        ValueError: it is no quantity.
    """
    match = _FORM.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"{text!r} is no Kubernetes quantity: write 500m, 2, 64Gi or 1e3.")
    number, suffix = Fraction(Decimal(match["number"])), match["suffix"]
    if suffix in _SUFFIXES:
        return number * _SUFFIXES[suffix]
    if suffix[0] in "eE" and len(suffix) > 1 and suffix[1:].lstrip("+-").isdigit():
        return number * Fraction(10) ** int(suffix[1:])
    raise ValueError(f"{text!r} has the unknown unit {suffix!r}: write m, k, M, G, Ki, Mi or Gi.")
