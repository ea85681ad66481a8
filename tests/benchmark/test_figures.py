"""Figures of a load point from its requests."""

import itertools
import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benchmark.samples import FIXTURES, a_result

from airtune.benchmark.figures import Figures, distribution_ms, figures_of
from airtune.benchmark.parse import find_result
from airtune.records import LoadPoint

seconds = st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=50)


def test_throughput_is_that_of_a_closed_loop() -> None:
    figures = figures_of(a_result([16] * 10, concurrency=4))
    assert figures.output_tokens_per_s == pytest.approx(4 * 160 / 5.0)
    assert figures.total_tokens_per_s == pytest.approx(4 * (160 + 400) / 5.0)
    assert figures.requests_per_s == pytest.approx(4 * 10 / 5.0)
    assert figures.effective_concurrency == pytest.approx(5.0 / 10.0)


def test_errors_do_not_change_the_figures_of_what_completed() -> None:
    assert figures_of(a_result([16] * 4, errors={"500": 40})) == figures_of(a_result([16] * 4))


def test_nothing_completed_has_no_figures() -> None:
    assert figures_of(a_result([], errors={"500": 3})) == Figures()


@pytest.mark.parametrize("file", sorted(FIXTURES.glob("[DNU]*.json")), ids=lambda file: file.name)
def test_distributions_agree_with_the_clients_own(file: Path) -> None:
    totals = json.loads(file.read_text())["aggregated_metrics"]
    point = LoadPoint(scenario=totals["scenario"], concurrency=totals["num_concurrency"])
    raw = find_result(FIXTURES, point)
    assert raw
    figures = figures_of(raw)
    for name, ours in (
        ("ttft", figures.ttft_ms),
        ("tpot", figures.tpot_ms),
        ("e2e_latency", figures.e2e_latency_ms),
    ):
        assert ours
        theirs = totals["stats"][name]
        for statistic in ("mean", "p50", "p90", "p95", "p99"):
            assert getattr(ours, statistic) == pytest.approx(theirs[statistic] * 1000)
    assert figures.output_tokens_mean == pytest.approx(totals["stats"]["num_output_tokens"]["mean"])


@given(seconds)
def test_percentiles_are_ordered_and_within_the_values(values: list[float]) -> None:
    found = distribution_ms(values)
    assert found
    low, high = min(values) * 1000, max(values) * 1000
    ladder = [low, found.p50, found.p90, found.p95, found.p99, high]
    assert all(a <= b * (1 + 1e-12) for a, b in itertools.pairwise(ladder))
    assert found.p50 == pytest.approx(statistics.median(values) * 1000)
    assert low <= found.mean * (1 + 1e-12)
    assert found.mean <= high * (1 + 1e-12)
