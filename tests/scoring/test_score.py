import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scoring.samples import a_task, at, both, flat

from airtune.records import Measurement, ValidityFlag
from airtune.scoring.score import score_trial, unusable_points

MINIMIZE, MAXIMIZE = a_task(), a_task("maximize_throughput")
TASKS = {"minimize": MINIMIZE, "maximize": MAXIMIZE}
figures = st.floats(0.1, 1e6)


def test_load_points_combine_by_the_geometric_mean() -> None:
    score = score_trial((at(1, latency=100), at(4, latency=400)), MINIMIZE, 1)
    assert score is not None
    assert score.raw == score.score == pytest.approx(200)
    assert score.per_load_point == {"D(100,100)@1": 100, "D(100,100)@4": 400}
    assert score.penalty == 0


def test_weights_shift_the_mean() -> None:
    task = a_task(weights={"D(100,100)@4": 3.0})
    score = score_trial((at(1, latency=100), at(4, latency=1600)), task, 1)
    assert score is not None
    assert score.raw == pytest.approx((100 * 1600**3) ** 0.25)


def test_percentiles_are_not_averaged_over_load_points() -> None:
    # p99 of 10 and 1000 ms: the arithmetic mean would let the slow point alone decide.
    task = a_task({"metric": "e2e_latency_ms", "statistic": "p99", "direction": "minimize"})
    score = score_trial((at(1, latency=10), at(4, latency=1000)), task, 1)
    assert score is not None
    assert score.raw == pytest.approx(100)
    assert score.per_load_point == {"D(100,100)@1": 10, "D(100,100)@4": 1000}


@given(st.lists(st.tuples(figures, figures), min_size=2, max_size=2), st.floats(0.01, 100))
def test_the_list_of_concurrencies_does_not_choose_the_winner_by_its_scale(
    pair: list[tuple[float, float]], scale: float
) -> None:
    # One load point of a larger scale weighs no more than the other: multiplying it by the same
    # factor for both configurations leaves the ratio of their scores alone.
    def ratio(factor: float) -> float:
        one, other = (
            score_trial((at(1, tokens=a), at(4, tokens=b * factor)), MAXIMIZE, 1) for a, b in pair
        )
        assert one is not None
        assert other is not None
        return one.score / other.score

    assert ratio(1.0) == pytest.approx(ratio(scale))


@pytest.mark.parametrize("flag", [ValidityFlag.INCOMPLETE, ValidityFlag.WRONG_LENGTH])
@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_survivorship_an_invalid_load_point_leaves_no_score(flag: ValidityFlag, task) -> None:
    assert score_trial((at(1), at(4, validity=(flag,))), task, 1) is None
    assert unusable_points((at(1), at(4, validity=(flag,))), task, 1) == {"D(100,100)@4": flag}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_survivorship_a_missing_load_point_leaves_no_score(task) -> None:
    assert score_trial((at(1),), task, 1) is None
    assert score_trial((), task, 1) is None
    assert unusable_points((at(1),), task, 1) == {"D(100,100)@4": "not measured"}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_server_that_rejects_half_of_the_requests_has_no_score(task) -> None:
    assert score_trial((at(1), at(4, latency=1, tokens=1e6, failed=50)), task, 1) is None
    reasons = unusable_points((at(1), at(4, failed=50)), task, 1)
    assert reasons == {"D(100,100)@4": "50.0 % of the requests failed"}


def test_a_task_may_accept_more_errors() -> None:
    assert score_trial((at(1), at(4, failed=5)), a_task(max_error_rate=0.05), 1) is not None
    assert score_trial((at(1), at(4, failed=6)), a_task(max_error_rate=0.05), 1) is None


def test_a_point_where_no_request_completed_has_no_score() -> None:
    nothing = at(4, latency=None, ttft=None, tpot=None, tokens=None, failed=100)
    assert score_trial((at(1), nothing), a_task(max_error_rate=1), 1) is None


def test_a_point_without_the_figure_that_an_slo_needs_has_no_score() -> None:
    task = a_task(slo={"tpot": {"threshold": 1.0}})
    assert score_trial(both(tpot=None), task, 1) is None
    assert unusable_points(both(tpot=None), task, 1) == {
        "D(100,100)@1": "tpot_ms is missing, which a bound needs",
        "D(100,100)@4": "tpot_ms is missing, which a bound needs",
    }


def broken_points() -> st.SearchStrategy[Measurement | None]:
    return st.sampled_from(
        [
            None,
            at(4, latency=1e-3, tokens=1e9, validity=(ValidityFlag.INCOMPLETE,)),
            at(4, latency=1e-3, tokens=1e9, validity=(ValidityFlag.WRONG_LENGTH,)),
            at(4, latency=1e-3, tokens=1e9, failed=30),
            at(4, latency=0.0, tokens=0.0),
            at(4, latency=None, ttft=None, tpot=None, tokens=None),
        ]
    )


@given(figures, figures, broken_points(), st.sampled_from(sorted(TASKS)))
def test_a_missing_failed_or_invalid_load_point_never_improves_a_score(
    first: float, second: float, broken: Measurement | None, direction: str
) -> None:
    task = TASKS[direction]
    whole = score_trial(
        (at(1, latency=first, tokens=first), at(4, latency=second, tokens=second)), task, 1
    )
    points = [at(1, latency=first, tokens=first), *([broken] if broken else [])]
    assert whole is not None
    assert score_trial(points, task, 1) is None  # and what has no score is never ranked


@given(figures, figures, st.sampled_from(sorted(TASKS)))
def test_measuring_a_point_again_never_improves_a_score(
    once: float, again: float, direction: str
) -> None:
    task = TASKS[direction]
    first = (at(1), at(4, latency=once, tokens=once))
    before = score_trial(first, task, 1)
    after = score_trial((*first, at(4, latency=again, tokens=again)), task, 1)
    assert before is not None
    assert after is not None
    worse = after.score <= before.score if direction == "maximize" else after.score >= before.score
    assert worse


@given(figures, st.floats(0, 1e5), st.sampled_from(sorted(TASKS)))
def test_a_soft_slo_makes_the_score_worse_and_leaves_the_raw_figure(
    raw: float, ttft: float, direction: str
) -> None:
    task = a_task(
        {"minimize": "minimize_latency", "maximize": "maximize_throughput"}[direction],
        slo={"ttft": {"threshold": 0.5, "weight": 2}},
    )
    score = score_trial(both(latency=raw, tokens=raw, ttft=ttft), task, 1)
    assert score is not None
    assert score.raw == pytest.approx(raw)
    assert math.isfinite(score.score)
    assert (score.penalty > 0) == (ttft > 500)
    if direction == "minimize":
        assert score.score == pytest.approx(raw * (1 + score.penalty))
    else:
        assert score.score == pytest.approx(raw / (1 + score.penalty))


def test_penalties_add_up_over_load_points_and_limits() -> None:
    slo = {
        "latency": {"p50": {"threshold": 0.5}, "p90": {"threshold": 0.5}, "p99": {"threshold": 2}},
        "steepness": 1.0,
    }
    score = score_trial(both(latency=1000), a_task(slo=slo), 1)
    assert score is not None
    assert score.penalty == pytest.approx(4 * math.expm1(1))


def test_slo_thresholds_are_seconds_and_ttft_and_tpot_are_means() -> None:
    task = a_task(slo={"ttft": {"threshold": 0.1}, "tpot": {"threshold": 0.01}})
    assert flat(100.0) is not None
    tail = flat(100.0).model_copy(update={"p99": 9999.0})
    points = tuple(point.model_copy(update={"ttft_ms": tail}) for point in both(tpot=10.0))
    score = score_trial(points, task, 1)
    assert score is not None
    assert score.penalty == 0


def test_points_that_the_task_does_not_ask_for_are_ignored() -> None:
    assert score_trial((*both(), at(16, latency=1)), MINIMIZE, 1) == score_trial(
        both(), MINIMIZE, 1
    )


def test_a_server_holds_at_least_one_device() -> None:
    with pytest.raises(ValueError, match="at least one device"):
        score_trial(both(), MAXIMIZE, 0)
