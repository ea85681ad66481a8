import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.scoring.slo import MAX_PENALTY, penalty

steepnesses = st.floats(0.01, 10)
weights = st.floats(0, 100)
anything = st.floats(allow_nan=False, allow_infinity=True)


@given(st.floats(max_value=0, allow_nan=False), weights, steepnesses)
def test_nothing_is_paid_up_to_the_threshold(
    excess: float, weight: float, steepness: float
) -> None:
    assert penalty(excess, weight=weight, steepness=steepness) == 0


@given(weights, steepnesses)
def test_the_penalty_is_continuous_at_the_threshold(weight: float, steepness: float) -> None:
    # Excess of 0.002 %: the predecessor's penalty had jumped from 1.0 to 3.0 there.
    just_above = penalty(2e-5, weight=weight, steepness=steepness)
    assert just_above <= weight * 2e-5 / steepness * 1.01


@given(anything, st.floats(0, 1e6), st.floats(min_value=1e-300, max_value=1e300))
def test_the_penalty_is_never_infinite(excess: float, weight: float, steepness: float) -> None:
    value = penalty(excess, weight=weight, steepness=steepness)
    assert math.isfinite(value)
    assert 0 <= value <= weight * MAX_PENALTY


@given(anything, anything, steepnesses)
def test_more_excess_never_costs_less(one: float, other: float, steepness: float) -> None:
    low, high = sorted((one, other))
    assert penalty(low, weight=1, steepness=steepness) <= penalty(
        high, weight=1, steepness=steepness
    )


def test_the_penalty_is_the_weighted_exponential_of_the_excess() -> None:
    assert penalty(0.1, weight=2, steepness=0.1) == pytest.approx(2 * (math.e - 1))


@pytest.mark.parametrize("steepness", [0.0, -0.1])
def test_a_steepness_of_zero_is_refused(steepness: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        penalty(0.1, weight=1, steepness=steepness)
