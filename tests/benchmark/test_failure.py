"""The class of a load point without a score."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from tests.benchmark.samples import FIXTURES, POINT, a_result, a_task

from airtune.benchmark.failure import failure_of
from airtune.benchmark.measurement import measurement_of
from airtune.benchmark.parse import find_debug, find_result
from airtune.records import Failure, FailureClass, LoadPoint, Measurement


def _measured(lengths: list[int], errors: dict[str, int], message: str = "") -> Measurement:
    raw = a_result(lengths, errors=errors)
    raw = dataclasses.replace(raw, error_messages=dict.fromkeys(errors, message))
    return measurement_of(raw, raw.point, a_task(), wall_s=1.0)


def _failure(measurement: Measurement) -> Failure:
    failure = failure_of(measurement, "the log")
    assert failure
    assert failure.log_tail == "the log"
    assert measurement.load_point.key in failure.reason
    return failure


def test_what_can_be_scored_is_no_failure() -> None:
    assert failure_of(_measured([16] * 100, {})) is None


@pytest.mark.parametrize("code", ["429", "503", "408", "504"])
def test_requests_turned_away_or_timed_out_are_overload(code: str) -> None:
    failure = _failure(_measured([16] * 20, {code: 10}))
    assert failure.failure_class is FailureClass.OVERLOAD
    assert code in failure.reason


def test_a_few_refusals_among_other_errors_are_no_overload() -> None:
    failure = _failure(_measured([16] * 20, {"503": 1, "500": 20}))
    assert failure.failure_class is FailureClass.BENCHMARK_ERROR


@pytest.mark.parametrize(
    "message",
    [
        "request (1530 tokens) exceeds the available context size (1024 tokens)",
        "This model's maximum context length is 2048 tokens. However, you requested 4000",
        "The input (1500 tokens) is longer than the model's context length (1024 tokens).",
    ],
)
def test_requests_beyond_the_context_make_the_configuration_invalid(message: str) -> None:
    failure = _failure(_measured([], {"400": 6}, message))
    assert failure.failure_class is FailureClass.INVALID_CONFIG
    assert message in failure.reason


def test_another_400_is_an_error_of_the_benchmark() -> None:
    failure = _failure(_measured([], {"400": 6}, "temperature must be a number"))
    assert failure.failure_class is FailureClass.BENCHMARK_ERROR
    assert "temperature must be a number" in failure.reason


def test_short_answers_are_an_error_of_the_benchmark_that_says_so() -> None:
    failure = _failure(_measured([8] * 50, {}))
    assert failure.failure_class is FailureClass.BENCHMARK_ERROR
    assert "Only 0 of 50 answers have the 16 tokens" in failure.reason


def test_a_client_that_left_nothing_is_an_error_of_the_benchmark() -> None:
    measurement = measurement_of(None, POINT, a_task(), wall_s=1.0, problem="exit code 1")
    assert _failure(measurement).failure_class is FailureClass.BENCHMARK_ERROR


@pytest.mark.parametrize(
    ("file", "scenario", "concurrency", "failure_class"),
    [
        ("debug_for_run_D1500_8_1.json", "D(1500,8)", 1, FailureClass.INVALID_CONFIG),
        ("debug_for_run_D32_16_2.json", "D(32,16)", 2, FailureClass.BENCHMARK_ERROR),
        ("every_fourth*", "D(32,16)", 2, FailureClass.BENCHMARK_ERROR),
    ],
)
def test_recorded_failures_have_their_class(
    tmp_path: Path, file: str, scenario: str, concurrency: int, failure_class: FailureClass
) -> None:
    shutil.copy(next(FIXTURES.glob(file)), tmp_path / file.replace("*", ".json"))
    point = LoadPoint(scenario=scenario, concurrency=concurrency)
    raw = find_result(tmp_path, point) or find_debug(tmp_path, point)
    assert raw
    task = a_task(traffic_scenarios=[scenario])
    assert _failure(measurement_of(raw, point, task, wall_s=1.0)).failure_class is failure_class
