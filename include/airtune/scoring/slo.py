"""The penalty of a soft SLO: nothing up to the threshold, then growing, never infinite."""

import math

MAX_PENALTY = 100.0
"""Upper bound of one penalty before its weight: a hopeless configuration still has an order."""


def penalty(excess: float, *, weight: float, steepness: float) -> float:
    """How much one figure beyond its threshold costs.

    Args:
        excess: (actual − threshold) ÷ threshold; ≤ 0 when the SLO is met.
        weight: ≥ 0, multiplies the penalty.
        steepness: > 0; the smaller, the faster the penalty grows.

    Returns:
        weight × min(expm1(excess ÷ steepness), 100): 0 at the threshold and continuous there, at
        most weight × 100.

    Raises:
        ValueError: steepness is not above 0.
    """
    if steepness <= 0:
        raise ValueError(f"slo.steepness must be above 0, not {steepness}.")
    if excess <= 0:
        return 0.0
    # Bounded before the exponential: expm1 overflows beyond 709.
    steps = min(excess / steepness, math.log1p(MAX_PENALTY))
    return weight * min(math.expm1(steps), MAX_PENALTY)
