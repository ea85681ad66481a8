"""Kubernetes' quantities."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.task.quantity import amount


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("500m", Fraction(1, 2)), ("1.5Gi", 3 * 2**29), ("1G", 10**9), ("0", 0)],
)
def test_a_quantity_is_a_number(text, value):
    assert amount(text) == value


@given(st.integers(0, 10**6))
def test_thousandths_add_up(pieces):
    assert amount(f"{pieces}m") * 1000 == amount(str(pieces))


@pytest.mark.parametrize("text", ["", "1g", "-1", "1e3", "Gi", "1 Gi"])
def test_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match="is no quantity"):
        amount(text)
