import time
from collections import Counter
from itertools import islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airtune.space import Choice, ExpressionError, Linked, Range, Space

MILLION = {f"p{number}": Choice(tuple(range(10))) for number in range(6)}


def small() -> Space:
    return Space(
        {"a": Choice((1, 2, 4)), "b": Choice(("x", "y"))},
        [Linked(("tp", "dp"), ((1, 2), (2, 1)))],
        ["a * tp <= 4", "b == 'x' or dp == 1"],
    )


def test_the_grid_moves_its_last_dimension_fastest() -> None:
    space = Space({"a": Choice((1, 2)), "b": Choice(("x", "y"))})
    assert [tuple(c.values()) for c in space] == list(product((1, 2), "xy"))


def test_constraints_and_linked_rows_hold_together() -> None:
    assert [tuple(c.values()) for c in small()] == [
        (1, "x", 1, 2),
        (1, "x", 2, 1),
        (1, "y", 2, 1),
        (2, "x", 1, 2),
        (2, "x", 2, 1),
        (2, "y", 2, 1),
        (4, "x", 1, 2),
    ]


def test_combinations_count_the_grid_before_and_count_after_constraints() -> None:
    assert small().combinations == 12
    assert small().count == 7


def test_every_index_of_the_grid_is_another_configuration() -> None:
    space = small()
    found = [space.at(index) for index in range(12)]
    assert len({tuple(c.values()) for c in found}) == 12
    with pytest.raises(IndexError):
        space.at(12)


def test_a_space_without_parameters_is_empty() -> None:
    space = Space({})
    assert (space.combinations, space.count, list(space), space.sample(3, 0)) == (0, 0, [], [])


def test_a_constraint_without_parameters_is_still_asked() -> None:
    assert Space({"a": Choice((1, 2))}, constraints=["false"]).count == 0


def test_a_parameter_in_two_dimensions_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' is set twice"):
        Space({"a": Choice((1,))}, [Linked(("a", "b"), ((1, 2),))])


def test_a_wrong_constraint_is_refused_at_once() -> None:
    with pytest.raises(ExpressionError, match="unknown parameter"):
        Space({"a": Choice((1,))}, constraints=["b < 1"])


def test_a_continuous_range_has_draws_but_no_grid() -> None:
    space = Space({"mem": Range(0.5, 0.9), "a": Choice((1, 2))}, constraints=["mem < 0.8"])
    assert (space.combinations, space.count) == (None, None)
    with pytest.raises(ValueError, match="mem: a continuous range"):
        next(iter(space))
    drawn = space.random(20, seed=1)
    assert len(drawn) == 20
    assert all(0.5 <= c["mem"] < 0.8 for c in drawn)  # type: ignore[operator]


def test_a_sample_of_a_million_shows_every_value_of_every_parameter_about_equally() -> None:
    for seed in range(5):
        drawn = Space(MILLION).sample(50, seed)
        for name in MILLION:
            shares = Counter(c[name] for c in drawn)
            assert len(shares) == 10
            assert max(shares.values()) <= 8  # 5 each would be even


def test_a_million_combinations_cost_neither_time_nor_memory() -> None:
    started = time.perf_counter()
    space = Space(MILLION, constraints=["p0 * p1 <= 40", "p2 + p3 >= 5"])
    first = list(islice(space, 3))
    assert (space.combinations, space.count, len(first)) == (1_000_000, 705_500, 3)
    assert len(space.sample(50, seed=0)) == 50
    assert time.perf_counter() - started < 0.5


def test_a_rare_configuration_in_a_million_is_found() -> None:
    space = Space(MILLION, constraints=["p0 + p1 + p2 == 27", "p3 + p4 + p5 == 0"])
    assert space.sample(5, seed=3) == [{"p0": 9, "p1": 9, "p2": 9, "p3": 0, "p4": 0, "p5": 0}]


def test_counting_gives_up_rather_than_hang() -> None:
    started = time.perf_counter()
    constraint = " + ".join(MILLION) + " < 0"
    space = Space(MILLION, constraints=[constraint])
    assert (space.count, space.sample(1, seed=0)) == (None, [])
    assert time.perf_counter() - started < 5


def test_a_sample_does_not_change_between_calls_and_grows_at_its_end() -> None:
    space = Space(MILLION)
    assert space.sample(20, seed=7) == Space(MILLION).sample(20, seed=7)
    assert space.sample(30, seed=7)[:20] == space.sample(20, seed=7)
    assert space.sample(20, seed=8) != space.sample(20, seed=7)


SPACES = st.builds(
    lambda sizes, constraint: Space(
        {f"p{i}": Choice(tuple(range(size))) for i, size in enumerate(sizes)},
        constraints=[constraint] if constraint else [],
    ),
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.sampled_from(["", "p0 + p1 >= 3", "p0 == p1", "p1 % 2 == 1", "true"]),
)


@settings(max_examples=40, deadline=None)
@given(SPACES, st.integers(0, 80), st.integers(0, 10), st.sampled_from(["sample", "random"]))
def test_draws_are_distinct_admissible_and_complete(
    space: Space, count: int, seed: int, way: str
) -> None:
    grid = [tuple(c.items()) for c in space]
    drawn = [tuple(c.items()) for c in getattr(space, way)(count, seed)]
    assert len(drawn) == min(count, len(grid)) == len(set(drawn))
    assert set(drawn) <= set(grid)
    assert space.count == len(grid)


@settings(max_examples=40, deadline=None)
@given(SPACES)
def test_walking_equals_filtering_the_whole_grid(space: Space) -> None:
    everything = [space.at(index) for index in range(space.combinations or 0)]
    kept = [c for c in everything if all(rule.holds(c) for rule in space.constraints)]
    assert list(space) == kept
