import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scoring.samples import a_baseline, a_task, a_trial, at, both, failed

from airtune.records import FailureClass, Measurement, Trial, TrialState, ValidityFlag
from airtune.scoring.verdict import decide, repeated

LATENCY, THROUGHPUT = a_task(), a_task("maximize_throughput")
DIRECTIONS = st.sampled_from([LATENCY, THROUGHPUT])
figures = st.floats(1, 1e6)


def test_the_winner_is_named_with_parameters_gain_and_baseline() -> None:
    trials = [
        a_baseline(1, *both(tokens=41)),
        a_trial(2, *both(tokens=50)),
        a_trial(3, *both(tokens=55.1), parameters={"parallel": 4, "cache-type-k": "q8_0"}),
    ]
    verdict = decide(trials, THROUGHPUT)
    assert (verdict.winner, verdict.best, verdict.baseline, verdict.feasible) == (3, 3, 1, 3)
    assert verdict.provisional
    assert verdict.statement == (
        "exp3 wins with parallel=4, cache-type-k=q8_0: 55.1 tokens/s per device, +34.4 % against "
        "the baseline exp1 (41.0 tokens/s per device) (provisional: one deploy each)."
    )


def test_the_gain_is_shown_at_each_load_point() -> None:
    trials = [
        a_baseline(1, at(1, latency=100), at(4, latency=400)),
        a_trial(2, at(1, latency=110), at(4, latency=200)),
    ]
    gain = decide(trials, LATENCY).gain
    assert gain is not None
    assert gain.deploys == 1
    assert gain.ci95 is None
    assert [(p.concurrency, p.baseline, p.winner) for p in gain.per_load_point] == [
        (1, 100, 110),
        (4, 400, 200),
    ]
    assert [p.pct for p in gain.per_load_point] == pytest.approx([-10, 50])


def test_a_gain_below_the_minimum_keeps_the_baseline() -> None:
    verdict = decide([a_baseline(1, *both(latency=100)), a_trial(2, *both(latency=98))], LATENCY)
    assert (verdict.winner, verdict.best) == (None, 2)
    assert verdict.statement == (
        "Keep the baseline exp1 (100 ms): the best other one, exp2 (parallel=2), gains +2.0 %, "
        "below the 3 % that a change must gain (provisional: one deploy each)."
    )


def test_the_baseline_stays_when_it_is_the_best() -> None:
    trials = [a_baseline(1, *both(latency=90)), a_trial(2, *both(latency=98))]
    verdict = decide([*trials, failed(3, FailureClass.OOM)], LATENCY)
    assert (verdict.winner, verdict.best) == (None, 1)
    assert verdict.statement == (
        "Keep the baseline exp1 (90.0 ms): nothing else is better, 1 feasible tried "
        "(provisional: one deploy each). Without a result: 1 of 3 trials (1 oom)."
    )


def test_among_equals_the_baseline_stays_even_where_any_gain_would_do() -> None:
    task = a_task(min_gain_pct=0)
    verdict = decide([a_trial(1, *both()), a_baseline(2, *both())], task)
    assert (verdict.winner, verdict.best) == (None, 2)


@pytest.mark.parametrize("failure_class", [FailureClass.STARTUP_CRASH, FailureClass.OOM])
def test_a_baseline_that_cannot_run_leaves_no_gain_and_the_verdict_says_why(
    failure_class: FailureClass,
) -> None:
    baseline = a_baseline(1, **_broken(failure_class))
    verdict = decide([baseline, a_trial(2, *both(latency=90))], LATENCY)
    assert (verdict.winner, verdict.baseline, verdict.gain) == (2, 1, None)
    assert "exp2 wins with parallel=2: 90.0 ms, without a gain to show" in verdict.statement
    assert f"({failure_class}: The server said {failure_class})" in verdict.statement


def test_a_baseline_that_breaks_a_bound_is_still_compared_with() -> None:
    task = a_task(constraints={"ttft_ms": 200})
    trials = [a_baseline(1, *both(latency=80, ttft=300)), a_trial(2, *both(latency=100))]
    verdict = decide(trials, task)
    assert (verdict.winner, verdict.feasible) == (2, 1)
    assert verdict.gain is not None
    assert verdict.gain.pct == pytest.approx(-25)
    assert (
        "−25.0 % against the baseline exp1 (80.0 ms), which is infeasible (slo: mean TTFT 300"
        in (verdict.statement)
    )


def test_without_a_baseline_the_best_wins_and_the_verdict_says_so() -> None:
    verdict = decide([a_trial(2, *both(latency=90))], LATENCY)
    assert (verdict.winner, verdict.baseline, verdict.gain) == (2, None, None)
    assert "because this run has no baseline" in verdict.statement


def test_with_nothing_feasible_the_nearest_miss_is_named() -> None:
    task = a_task(constraints={"ttft_ms": {"p99": 500}})
    trials = [
        a_baseline(1, *both(ttft=900)),
        a_trial(2, *both(ttft=612)),
        failed(3, FailureClass.OOM),
        # Closer by its figure, but only half measured: the other half may be far off.
        failed(4, FailureClass.SLO, at(1, ttft=501)),
    ]
    verdict = decide(trials, task)
    assert (verdict.winner, verdict.best, verdict.baseline, verdict.gain) == (None, None, 1, None)
    assert verdict.nearest_miss == (
        "exp2 (parallel=2): p99 TTFT 612 ms at D(100,100)@1, 22.4 % beyond the bound 500 ms"
    )
    assert verdict.statement == (
        "No configuration is feasible: 4 trials gave no result (3 slo, 1 oom). "
        f"Nearest miss: {verdict.nearest_miss}."
    )


def test_where_everything_failed_the_one_that_got_furthest_is_named() -> None:
    trials = [failed(1, FailureClass.OOM), failed(2, FailureClass.UNHEALTHY, at(1))]
    assert decide(trials, LATENCY).nearest_miss == (
        "exp2 (parallel=2): 1 of 2 load points measured, then unhealthy (The server said unhealthy)"
    )


def test_a_run_without_trials_has_an_answer_too() -> None:
    verdict = decide([], LATENCY)
    assert verdict.statement == "No trial was measured."
    assert (verdict.winner, verdict.nearest_miss, verdict.measured_at) == (None, None, None)


def test_a_slot_without_a_trial_is_counted_and_nothing_else() -> None:
    lost = a_baseline(-1, state=TrialState.MISSING, slot=0)
    verdict = decide([lost, a_trial(2, *both())], LATENCY)
    assert (verdict.winner, verdict.baseline) == (2, None)
    assert verdict.statement.endswith("Without a result: 1 of 2 trials (1 missing).")
    assert decide([lost], LATENCY).nearest_miss is None
    here = a_baseline(3, *both())
    assert decide([lost, here], LATENCY).baseline == 3


def test_doubts_about_the_figures_stand_beside_them() -> None:
    doubtful = at(4, latency=50, validity=(ValidityFlag.UNDERSAMPLED,))
    verdict = decide([a_baseline(1, *both()), a_trial(2, at(1), doubtful)], LATENCY)
    assert verdict.statement.endswith("(provisional: one deploy each; undersampled).")


def test_a_soft_slo_changes_the_ranking_but_the_gain_is_on_the_raw_figure() -> None:
    task = a_task("maximize_throughput", slo={"ttft": {"threshold": 0.2}})
    trials = [
        a_baseline(1, *both(tokens=100)),
        a_trial(2, *both(tokens=130, ttft=5000)),
        a_trial(3, *both(tokens=120)),
    ]
    verdict = decide(trials, task)
    assert verdict.winner == 3
    assert verdict.gain is not None
    assert verdict.gain.pct == pytest.approx(20)


def test_a_baseline_that_only_softly_breaks_its_slo_is_kept_and_the_way_out_is_named() -> None:
    task = a_task("maximize_throughput", slo={"ttft": {"threshold": 0.2}})
    trials = [a_baseline(1, *both(tokens=100, ttft=900)), a_trial(2, *both(tokens=95))]
    verdict = decide(trials, task)
    assert (verdict.winner, verdict.best) == (None, 2)
    assert "exp2 (parallel=2) ranks first by its lower SLO penalty (0 instead of" in (
        verdict.statement
    )
    assert "to have the SLO decide, set hard_fail in it" in verdict.statement


def test_only_the_baseline_of_the_run_that_declares_the_winner_counts() -> None:
    old = a_baseline(1, *both(latency=100), run="earlier")
    new = a_baseline(4, *both(latency=200), run="now")
    search = a_trial(2, *both(latency=150), run="earlier")
    assert decide([old, search, new], LATENCY, run="now").winner == 2
    verdict = decide([old, search], LATENCY, run="now")
    assert (verdict.baseline, verdict.gain) == (None, None)
    assert decide([old, search], LATENCY).baseline == 1


def test_of_a_configuration_measured_twice_the_newest_counts_and_not_the_best() -> None:
    trials = [
        a_baseline(1, *both(latency=100)),
        a_trial(2, *both(latency=10), plan_key="same"),
        a_trial(3, *both(latency=90), plan_key="same"),
        a_trial(4, *both(latency=80)),
    ]
    assert decide(trials, LATENCY).winner == 4
    assert decide(trials, LATENCY).feasible == 3


def test_a_failed_repeat_does_not_hide_an_earlier_result() -> None:
    trials = [
        a_baseline(1, *both(latency=100)),
        a_trial(2, *both(latency=50), plan_key="same"),
        failed(3, FailureClass.UNHEALTHY, plan_key="same"),
    ]
    assert decide(trials, LATENCY).winner == 2


def test_a_repeated_verdict_carries_its_date_once() -> None:
    verdict = decide([a_baseline(1, *both()), a_trial(2, *both(latency=500))], LATENCY)
    again = repeated(repeated(verdict))
    assert again.statement == (
        "Nothing new was measured; the verdict of 2026-01-02 10:02 UTC stands: " + verdict.statement
    )
    assert again.model_copy(update={"statement": verdict.statement}) == verdict
    undated = repeated(verdict.model_copy(update={"measured_at": None}))
    assert undated.statement.startswith("Nothing new was measured; the verdict of an earlier run")


# Wrong winners: what the predecessor got wrong ---------------------------------------------------


@pytest.mark.parametrize("task", [LATENCY, THROUGHPUT])
def test_a_failed_trial_is_never_the_best_point_whatever_the_direction(task: Any) -> None:
    trials = [a_baseline(1, *both()), *(failed(2 + i, cls) for i, cls in enumerate(FailureClass))]
    verdict = decide(trials, task)
    assert (verdict.winner, verdict.best, verdict.feasible) == (None, 1, 1)


@pytest.mark.parametrize("task", [LATENCY, THROUGHPUT])
def test_a_configuration_that_collapses_at_concurrency_4_does_not_beat_a_good_one(
    task: Any,
) -> None:
    dead = at(4, latency=None, ttft=None, tpot=None, tokens=None, failed=100)
    for collapsed in ((), (dead,), (at(4, validity=(ValidityFlag.INCOMPLETE,)),)):
        trials = [
            a_baseline(1, *both(latency=1000, tokens=100)),
            a_trial(2, at(1, latency=1, tokens=1e6), *collapsed),
            a_trial(3, *both(latency=800, tokens=130)),
        ]
        assert decide(trials, task).winner == 3


def test_a_server_that_rejects_half_of_the_requests_does_not_win() -> None:
    fast = both(latency=1, tokens=1e6, failed=50)
    trials = [a_baseline(1, *both()), a_trial(2, *fast), a_trial(3, *both(latency=900))]
    assert decide(trials, LATENCY).winner == 3


def test_per_device_throughput_lets_one_device_beat_two_that_are_not_twice_as_fast() -> None:
    trials = [
        a_baseline(1, *both(tokens=80)),
        a_trial(2, *both(tokens=150), devices=("gpu0", "gpu1")),
        a_trial(3, *both(tokens=90)),
    ]
    assert decide(trials, THROUGHPUT).winner == 3
    assert decide(trials, a_task("maximize_throughput", scope="total")).winner == 2


def test_baseline_and_winner_are_compared_at_the_same_load_points_only() -> None:
    half = a_baseline(1, at(1, latency=100))
    verdict = decide([half, a_trial(2, *both(latency=90))], LATENCY)
    assert verdict.gain is None
    assert "D(100,100)@4: not measured" in verdict.statement


# Properties --------------------------------------------------------------------------------------


def _broken(failure_class: FailureClass) -> dict[str, Any]:
    trial = failed(1, failure_class)
    return {"state": trial.state, "failure": trial.failure}


def _point(concurrency: int) -> st.SearchStrategy[Measurement]:
    flags = st.sampled_from([(), (), (ValidityFlag.INCOMPLETE,), (ValidityFlag.CLIENT_BOUND,)])
    return st.builds(
        lambda value, ttft, failures, validity: at(
            concurrency,
            latency=value,
            tokens=value,
            ttft=ttft,
            failed=failures,
            validity=validity,
        ),
        figures,
        st.floats(1, 2000),
        st.sampled_from([0, 0, 0, 40]),
        flags,
    )


@st.composite
def _studies(draw: st.DrawFn) -> list[Trial]:
    trials = []
    for trial_id in range(1, draw(st.integers(1, 6)) + 1):
        points = [draw(_point(c)) for c in (1, 4) if draw(st.sampled_from([True, True, False]))]
        make = a_baseline if trial_id == 1 else a_trial
        key = f"key-{draw(st.integers(1, 4))}"
        trials.append(make(trial_id, *points, plan_key=key))
    return trials


BOUNDED = [
    a_task(name, constraints={"ttft_ms": 1000}, slo={"tpot": {"threshold": 0.005}})
    for name in ("minimize_latency", "maximize_throughput")
]


@given(_studies(), st.sampled_from(BOUNDED), st.randoms(use_true_random=False))
def test_the_verdict_does_not_depend_on_the_order_of_trials(
    trials: list[Trial], task: Any, dice: random.Random
) -> None:
    shuffled = list(trials)
    dice.shuffle(shuffled)
    assert decide(shuffled, task) == decide(trials, task)


@given(figures, figures, st.sampled_from(BOUNDED))
def test_feasible_beats_infeasible_however_good_the_infeasible_one_is(
    feasible: float, infeasible: float, task: Any
) -> None:
    trials = [
        a_trial(2, *both(latency=feasible, tokens=feasible)),
        a_trial(3, *both(latency=infeasible, tokens=infeasible, ttft=1001)),
    ]
    verdict = decide(trials, task)
    assert (verdict.winner, verdict.feasible) == (2, 1)


@given(figures, figures, DIRECTIONS)
def test_the_sign_of_the_gain_says_who_is_better(base: float, other: float, task: Any) -> None:
    trials = [
        a_baseline(1, *both(latency=base, tokens=base)),
        a_trial(2, *both(latency=other, tokens=other)),
    ]
    verdict = decide(trials, task)
    better = other < base if task is LATENCY else other > base
    gain = verdict.gain
    assert gain is not None
    assert (verdict.best == 2) == (gain.pct > 0)
    assert better or verdict.best == 1
    assert (verdict.winner == 2) == (gain.pct >= 3)


@given(_studies(), st.sampled_from(BOUNDED), st.integers(0, 5), st.sampled_from([1, 4]))
def test_taking_a_load_point_away_never_helps_a_trial(
    trials: list[Trial], task: Any, index: int, concurrency: int
) -> None:
    victim = trials[index % len(trials)]
    kept = tuple(point for point in victim.load_points if point.concurrency != concurrency)
    harmed = victim.model_copy(update={"load_points": kept})
    after = decide([harmed if trial is victim else trial for trial in trials], task)
    assert after.best != victim.trial_id


@given(_studies(), st.sampled_from(BOUNDED))
def test_a_verdict_is_json_without_infinity(trials: list[Trial], task: Any) -> None:
    text = decide(trials, task).model_dump_json()
    assert "Infinity" not in text
    assert "NaN" not in text
