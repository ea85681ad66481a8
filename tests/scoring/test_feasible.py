import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scoring.samples import a_task, at, both

from airtune.records import FailureClass, TrialState, ValidityFlag
from airtune.scoring.feasible import infeasibility, violations
from airtune.scoring.requirements import requirements

HARD = {"ttft": {"threshold": 0.1, "hard_fail": True, "fail_ratio": 0.5}}


def test_a_task_without_bounds_finds_everything_feasible() -> None:
    assert requirements(a_task()) == ()
    assert infeasibility(both(latency=1e9), a_task()) is None


def test_an_own_constraint_is_infeasible_beyond_its_bound() -> None:
    task = a_task(constraints={"ttft_ms": {"p99": 500}})
    assert infeasibility(both(ttft=500), task) is None
    failure = infeasibility((at(1, ttft=100), at(4, ttft=612)), task)
    assert failure is not None
    assert failure.failure_class is FailureClass.SLO
    assert failure.reason == ("p99 TTFT 612 ms at D(100,100)@4, 22.4 % beyond the bound 500 ms.")


def test_breaking_a_bound_makes_the_trial_infeasible_and_is_not_retried() -> None:
    assert FailureClass.SLO.state is TrialState.INFEASIBLE
    assert FailureClass.SLO.retries == 0


def test_a_constraint_given_as_a_number_is_on_the_mean() -> None:
    task = a_task(constraints={"ttft_ms": 500})
    assert requirements(task)[0].statistic == "mean"


def test_a_rate_has_to_reach_its_bound() -> None:
    task = a_task(constraints={"output_tokens_per_s": 50})
    assert infeasibility(both(tokens=50), task) is None
    failure = infeasibility(both(tokens=40), task)
    assert failure is not None
    assert "output throughput 40.0 tokens/s at D(100,100)@1, 20.0 % beyond" in failure.reason
    assert "(1 more bound(s) broken)" in failure.reason


def test_an_error_rate_beyond_its_bound_is_overload_even_where_the_point_is_incomplete() -> None:
    task = a_task(constraints={"error_rate": 0.05})
    points = (at(1), at(4, failed=10, validity=(ValidityFlag.INCOMPLETE,)))
    failure = infeasibility(points, task)
    assert failure is not None
    assert failure.failure_class is FailureClass.OVERLOAD


def test_a_bound_of_zero_gives_no_infinity() -> None:
    task = a_task(constraints={"error_rate": 0})
    assert infeasibility(both(), task) is None
    found = violations((at(1), at(4, failed=1)), task)
    assert [violation.excess for violation in found] == [0.01]
    assert str(found[0]) == "error rate 0.01 at D(100,100)@4, beyond the bound 0"


def test_a_hard_slo_tolerates_its_fail_ratio_and_nothing_more() -> None:
    task = a_task(slo=HARD)
    assert infeasibility(both(ttft=150), task) is None
    failure = infeasibility(both(ttft=151), task)
    assert failure is not None
    assert failure.failure_class is FailureClass.SLO
    assert "mean TTFT 151 ms" in failure.reason


@given(st.floats(0, 1e12))
def test_a_soft_slo_never_makes_a_trial_infeasible(ttft: float) -> None:
    # The predecessor's penalty overflowed to inf and was then taken for a hard failure.
    task = a_task(slo={"ttft": {"threshold": 0.1}})
    assert infeasibility(both(ttft=ttft), task) is None


def test_an_invalid_point_is_not_held_against_latency_bounds() -> None:
    task = a_task(constraints={"ttft_ms": 500})
    broken = at(4, ttft=9000, validity=(ValidityFlag.INCOMPLETE,))
    assert infeasibility((at(1), broken), task) is None


def test_the_worst_violation_comes_first() -> None:
    task = a_task(constraints={"ttft_ms": 50, "tpot_ms": 9})
    names = [violation.requirement.metric.name for violation in violations(both(), task)]
    assert names == ["ttft_ms", "ttft_ms", "tpot_ms", "tpot_ms"]


@pytest.mark.parametrize("statistic", ["p50", "p90", "p99"])
def test_each_latency_percentile_of_the_seed_has_its_own_limit(statistic: str) -> None:
    task = a_task(slo={"latency": {statistic: {"threshold": 2}}})
    (requirement,) = requirements(task)
    assert (requirement.metric.name, requirement.statistic) == ("e2e_latency_ms", statistic)
    assert requirement.bound == 2000
