import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.space import Choice, Linked, Range


def values(dimension: Choice | Range | Linked) -> list[object]:
    return [dimension.at(index) for index in range(dimension.size or 0)]


def test_a_choice_keeps_the_order_given() -> None:
    assert values(Choice((4, 1, None))) == [(4,), (1,), (None,)]


def test_values_of_different_type_are_different_values() -> None:
    assert Choice((1, 1.0, True, "1")).size == 4


@pytest.mark.parametrize("repeated", [(1, 2, 1), ("a", "a"), ([1], [1]), (None, None)])
def test_a_choice_with_a_value_twice_is_refused(repeated: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="twice"):
        Choice(repeated)  # type: ignore[arg-type]


def test_a_choice_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        Choice(())


def test_a_stepped_range_has_exact_decimal_values() -> None:
    assert values(Range(0.1, 0.5, step=0.1)) == [(0.1,), (0.2,), (0.3,), (0.4,), (0.5,)]


def test_a_step_that_does_not_meet_the_upper_bound_stops_below_it() -> None:
    assert values(Range(1, 8, step=3, integer=True)) == [(1,), (4,), (7,)]


def test_an_integer_range_counts_by_one_and_gives_integers() -> None:
    found = [Range(2, 4, integer=True).at(index)[0] for index in range(3)]
    assert found == [2, 3, 4]
    assert all(type(value) is int for value in found)


def test_a_range_without_step_cannot_be_counted() -> None:
    continuous = Range(0.5, 0.9)
    assert continuous.size is None
    with pytest.raises(ValueError, match="step"):
        continuous.at(0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"low": 2, "high": 1}, "below high"),
        ({"low": 1, "high": 1}, "below high"),
        ({"low": 0, "high": float("inf")}, "finite"),
        ({"low": float("nan"), "high": 1}, "finite"),
        ({"low": 0, "high": 1, "step": 0}, "above 0"),
        ({"low": 0, "high": 1, "log": True}, "low > 0"),
        ({"low": 1, "high": 9, "step": 1, "log": True}, "both"),
        ({"low": 0.5, "high": 4, "integer": True}, "fraction"),
    ],
)
def test_an_impossible_range_is_refused_with_the_reason(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Range(**wrong)  # type: ignore[arg-type]


@given(st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_continuous_draw_lies_between_the_bounds(position: float, log: bool) -> None:
    value = Range(0.001, 250, log=log).locate(position)
    assert isinstance(value, float)
    assert 0.001 <= value <= 250


@given(st.floats(0, 1, exclude_max=True), st.booleans())
def test_an_integer_draw_is_an_index_of_the_grid(position: float, log: bool) -> None:
    dimension = Range(3, 700, log=log, integer=True)
    index = dimension.locate(position)
    assert isinstance(index, int)
    assert 0 <= index < (dimension.size or 0)


def test_a_logarithmic_draw_halves_the_range_at_its_geometric_mean() -> None:
    assert Range(1, 10_000, log=True).locate(0.5) == 100


def test_linked_parameters_move_row_by_row() -> None:
    linked = Linked(("tp", "dp"), ((1, 4), (2, 2), (4, 1)))
    assert values(linked) == [(1, 4), (2, 2), (4, 1)]


@pytest.mark.parametrize(
    ("names", "rows", "says"),
    [
        (("a", "b"), ((1, 2), (1,)), "needs 2 values"),
        (("a", "a"), ((1, 2),), "twice"),
        (("a", "b"), ((1, 2), (1, 2)), "twice"),
        (("a", "b"), (), "no values"),
    ],
)
def test_a_wrong_linked_group_is_refused(
    names: tuple[str, ...], rows: tuple[tuple[int, ...], ...], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Linked(names, rows)
