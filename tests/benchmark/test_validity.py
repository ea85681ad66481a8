"""When a load point cannot be believed."""

from statistics import NormalDist

import pytest
from tests.benchmark.samples import a_result, a_task

from airtune.benchmark.measurement import measurement_of
from airtune.benchmark.validity import validity_of
from airtune.records import LoadPoint, ValidityFlag

INCOMPLETE, WRONG_LENGTH = ValidityFlag.INCOMPLETE, ValidityFlag.WRONG_LENGTH
UNDERSAMPLED, CACHE_UNKNOWN = ValidityFlag.UNDERSAMPLED, ValidityFlag.CACHE_UNKNOWN


def _flags(lengths: list[int], scenario: str = "D(32,16)", **more: object) -> set[ValidityFlag]:
    raw = a_result(lengths, scenario, **more)  # type: ignore[arg-type]
    return set(validity_of(raw, raw.point, a_task(traffic_scenarios=[scenario])))


def test_a_clean_load_point_raises_nothing() -> None:
    assert _flags([16] * 100) == set()


def test_no_file_is_incomplete_and_has_the_clients_last_words() -> None:
    point = LoadPoint(scenario="D(32,16)", concurrency=1)
    flags = validity_of(None, point, a_task(), "exit code 1; its last line: x")
    assert flags[INCOMPLETE] == "The client left no result file (exit code 1; its last line: x)."


@pytest.mark.parametrize(
    ("failed", "incomplete"), [(0, False), (1, False), (2, True), (33, True), (19_999, True)]
)
def test_an_error_rate_above_the_limit_is_incomplete(failed: int, incomplete: bool) -> None:
    errors = {"500": failed} if failed else {}
    assert (INCOMPLETE in _flags([16] * 100, errors=errors)) is incomplete


def test_a_task_can_allow_more_errors_but_never_less_than_90_percent_completed() -> None:
    task = a_task(max_error_rate=0.5)
    few, many = (a_result([16] * 100, errors={"500": count}) for count in (5, 12))
    assert INCOMPLETE not in validity_of(few, few.point, task)
    assert INCOMPLETE in validity_of(many, many.point, task)


def test_answers_cut_short_have_the_wrong_length() -> None:
    assert WRONG_LENGTH in _flags([16] * 98 + [8] * 2)
    assert WRONG_LENGTH not in _flags([16] * 99 + [8])
    assert WRONG_LENGTH in _flags([8] * 100, "U(20,40)/(10,20)")


def test_answers_of_varying_length_that_are_cut_short_show_in_their_mean() -> None:
    normal = [int(length) for length in NormalDist(100, 10).samples(200, seed=1)]
    assert WRONG_LENGTH not in _flags(normal, "N(40,8)/(100,10)")
    assert WRONG_LENGTH in _flags([length // 2 for length in normal], "N(40,8)/(100,10)")
    uniform = list(range(2, 100)) * 2
    assert WRONG_LENGTH not in _flags(uniform, "U(40,100)")
    assert WRONG_LENGTH in _flags([max(2, length // 2) for length in uniform], "U(40,100)")


def test_answers_longer_than_asked_have_the_wrong_length() -> None:
    assert WRONG_LENGTH in _flags([17] * 100)


def test_fewer_than_20_requests_a_user_are_undersampled_but_scored() -> None:
    assert _flags([16] * 39, concurrency=2) == {UNDERSAMPLED}
    assert _flags([16] * 40, concurrency=2) == set()


def test_a_prefix_cache_that_was_not_emptied_is_said() -> None:
    raw = a_result([16] * 100)
    assert set(validity_of(raw, raw.point, a_task(engine="vllm"))) == {CACHE_UNKNOWN}
    cached = a_task(additional_params={"cache_prompt": True})
    assert set(validity_of(raw, raw.point, cached)) == {CACHE_UNKNOWN}


def test_incomplete_and_wrong_length_leave_a_measurement_without_a_score() -> None:
    point = LoadPoint(scenario="D(32,16)", concurrency=1)
    for raw in (None, a_result([]), a_result([8] * 100), a_result([16], errors={"500": 1})):
        assert not measurement_of(raw, point, a_task(), wall_s=3.0).scorable
    assert measurement_of(a_result([16] * 100), point, a_task(), wall_s=3.0).scorable


def test_every_flag_of_a_measurement_has_its_sentence() -> None:
    raw = a_result([8] * 10, errors={"503": 5, "connection": 3})
    found = measurement_of(raw, raw.point, a_task(engine="sglang"), wall_s=3.0)
    assert set(found.notes) == {flag.value for flag in found.validity}
    assert len(found.validity) == 4
    assert (found.requests, found.completed, found.error_rate) == (18, 10, 8 / 18)
