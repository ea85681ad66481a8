"""Trials on different GPU products are never compared."""

from hypothesis import given
from hypothesis import strategies as st
from tests.scoring.samples import a_baseline, a_task, a_trial, both, failed

from airtune.records import Trial
from airtune.scoring.hardware import comparable, product_of
from airtune.scoring.verdict import decide

LATENCY = a_task()


def on(product: str | None, trial_id: int, latency: float, *, baseline: bool = False) -> Trial:
    make = a_baseline if baseline else a_trial
    identity = {"gpu_product": product} if product else {}
    return make(trial_id, *both(latency=latency), identity=identity)


def test_a_faster_gpu_is_no_better_configuration() -> None:
    trials = [on("L4", 1, 100, baseline=True), on("L4", 2, 90), on("H100", 3, 10)]
    verdict = decide(trials, LATENCY)
    assert (verdict.winner, verdict.best, verdict.feasible) == (2, 2, 2)
    assert verdict.statement.endswith(" Not compared, since the others ran on L4: exp3 on H100.")


def test_without_the_baselines_product_the_oldest_trial_decides() -> None:
    trials = [failed(1), on("L4", 2, 90), on("H100", 3, 10)]
    assert decide(trials, LATENCY).best == 2


def test_trials_without_gpus_are_all_compared() -> None:
    trials = [on(None, 1, 100, baseline=True), on(None, 2, 50)]
    verdict = decide(trials, LATENCY)
    assert verdict.winner == 2
    assert "Not compared" not in verdict.statement


@given(st.lists(st.sampled_from(["L4", "H100", None]), min_size=1, max_size=8))
def test_what_is_compared_has_one_product_and_nothing_is_lost(products: list[str | None]) -> None:
    trials = [on(product, number, 100) for number, product in enumerate(products, 1)]
    kept, others = comparable(trials)
    assert len({product_of(trial) for trial in kept} - {None}) <= 1
    assert None not in {product_of(trial) for trial in others}
    assert sorted(t.trial_id for t in (*kept, *others)) == [t.trial_id for t in trials]
