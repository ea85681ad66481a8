from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scoring.samples import a_task, at

from airtune.scoring.metrics import Direction, figure, metric_named
from airtune.scoring.objectives import OBJECTIVES, objective_of
from airtune.task.objective import LATENCIES, RATES, ObjectiveName

positive = st.floats(0.001, 1e9)


def test_every_objective_that_a_task_may_name_is_in_the_table() -> None:
    assert set(OBJECTIVES) == set(get_args(ObjectiveName))


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("minimize_latency", 1000.0, "ms"),
        ("minimize_ttft", 100.0, "ms"),
        ("minimize_tpot", 10.0, "ms"),
        ("maximize_throughput", 50.0, "tokens/s per device"),
    ],
)
def test_a_named_objective_is_this_figure(name: str, value: float, unit: str) -> None:
    objective = objective_of(a_task(name))
    assert objective.figure(at(), devices=2) == value
    assert objective.unit == unit
    assert objective.direction == name.partition("_")[0]


@pytest.mark.parametrize("metric", [*LATENCIES, *RATES])
def test_every_metric_that_a_task_may_name_can_be_an_objective(metric: str) -> None:
    direction = metric_named(metric).direction
    objective = objective_of(a_task({"metric": metric, "direction": direction.value}))
    assert objective.figure(at(), devices=1)
    assert objective.maximize == (metric in RATES)


def test_a_custom_objective_can_be_a_percentile() -> None:
    task = a_task({"metric": "ttft_ms", "statistic": "p99", "direction": "minimize"})
    slow_tail = at(ttft=100).model_copy(
        update={"ttft_ms": at(ttft=100).ttft_ms.model_copy(update={"p99": 900.0})}
    )
    assert objective_of(task).figure(slow_tail, devices=1) == 900
    assert objective_of(task).sentence() == "the lowest p99 TTFT (ms)"


def test_unknown_objective_names_are_refused_and_not_scored() -> None:
    task = a_task()
    wrong = task.optimization.model_copy(update={"objective": "minimise_latency"})
    with pytest.raises(ValueError, match="'minimise_latency' is no objective"):
        objective_of(task.model_copy(update={"optimization": wrong}))


def test_unknown_metrics_and_statistics_are_refused() -> None:
    with pytest.raises(ValueError, match="'ttft' is no metric"):
        metric_named("ttft")
    with pytest.raises(ValueError, match="no statistic 'p42'"):
        figure(at(), metric_named("ttft_ms"), "p42")
    with pytest.raises(ValueError, match="mean only"):
        figure(at(), metric_named("error_rate"), "p99")


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_per_device_throughput_is_the_objective_in_every_mode(devices: int) -> None:
    for launcher in ("local", "docker"):
        task = a_task("maximize_throughput", deployment_mode=launcher)
        assert objective_of(task).figure(at(tokens=80), devices) == 80 / devices
    total = a_task("maximize_throughput", scope="total")
    assert objective_of(total).figure(at(tokens=80), devices) == 80
    assert objective_of(total).unit == "tokens/s"


def test_latency_is_not_divided_among_devices() -> None:
    assert objective_of(a_task()).figure(at(latency=80), 4) == 80


@pytest.mark.parametrize("value", [0.0, None])
def test_a_figure_of_zero_counts_as_not_measured(value: float | None) -> None:
    assert objective_of(a_task("minimize_tpot")).figure(at(tpot=value), 1) is None
    assert objective_of(a_task("maximize_throughput")).figure(at(tokens=value), 1) is None


@given(positive, positive, st.sampled_from(sorted(OBJECTIVES)))
def test_a_gain_is_positive_exactly_when_the_other_is_better(
    baseline: float, other: float, name: str
) -> None:
    objective = OBJECTIVES[name]
    gain = objective.gain_pct(baseline, other)
    better = other > baseline if objective.direction is Direction.MAXIMIZE else other < baseline
    assert (gain > 0) == better
    assert (gain == 0) == (other == baseline)


def test_gains_are_relative_to_the_baseline() -> None:
    assert OBJECTIVES["minimize_latency"].gain_pct(100, 80) == pytest.approx(20)
    assert OBJECTIVES["maximize_throughput"].gain_pct(100, 80) == pytest.approx(-20)
