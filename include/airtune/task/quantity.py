"""Kubernetes' quantities (``500m``, ``1.5Gi``) as numbers."""

import re
from fractions import Fraction

_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS = {
    "": Fraction(1),
    "m": Fraction(1, 1000),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
}


def amount(quantity: str) -> Fraction:
    """Cores, bytes or pieces, exact.

    Raises:
        ValueError: it is no quantity as a task may write it.
    """
    match = _FORM.fullmatch(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is no quantity such as 2, 500m or 1.5Gi.")
    return Fraction(match[1]) * _UNITS[match[2] or ""]
