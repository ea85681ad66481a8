"""Reading genai-bench's files; the fixtures were recorded from real runs."""

import json
import shutil
from pathlib import Path

import pytest
from tests.benchmark.samples import FIXTURES

from airtune.benchmark.parse import RawResult, find_debug, find_result
from airtune.records import LoadPoint


def _only(tmp_path: Path, name: str, as_name: str = "") -> Path:
    shutil.copy(next(FIXTURES.glob(name)), tmp_path / (as_name or name.replace("*", "")))
    return tmp_path


@pytest.mark.parametrize(
    ("scenario", "concurrency", "requests"),
    [
        ("D(32,16)", 1, 8),
        ("D(32,16)", 2, 12),
        ("N(40,8)/(16,4)", 1, 8),
        ("N(40,8)/(16,4)", 2, 12),
        ("U(20,40)/(8,16)", 1, 8),
        ("U(40,12)", 2, 14),
    ],
)
def test_every_scenario_is_found_among_the_others_by_its_content(
    tmp_path: Path, scenario: str, concurrency: int, requests: int
) -> None:
    for number, file in enumerate(sorted(FIXTURES.glob("[DNU]*.json"))):
        shutil.copy(file, tmp_path / f"{number}.json")
    point = LoadPoint(scenario=scenario, concurrency=concurrency)
    result = find_result(tmp_path, point)
    assert result
    assert result.point == point
    assert len(result.completed) == requests
    assert result.errors == {}


def test_times_are_seconds_whatever_unit_the_file_has(tmp_path: Path) -> None:
    point = LoadPoint(scenario="D(32,16)", concurrency=1)
    in_seconds = find_result(_only(tmp_path, "D32_16*_1_time*", "x.json"), point)
    file = next(FIXTURES.glob("D32_16*_1_time*"))
    content = json.loads(file.read_text())
    for request in content["individual_request_metrics"]:
        for name in ("ttft", "tpot", "e2e_latency"):
            request[name] *= 1000
    content["_time_unit"] = "ms"
    other = tmp_path / "ms"
    other.mkdir()
    (other / "x.json").write_text(json.dumps(content, indent=4))
    in_ms = find_result(other, point)
    assert in_seconds
    assert in_ms
    assert in_ms.seconds == in_seconds.seconds
    assert [one.ttft_s for one in in_ms.completed] == pytest.approx(
        [one.ttft_s for one in in_seconds.completed]
    )


def test_every_fourth_error_is_counted_although_the_client_says_rate_0(tmp_path: Path) -> None:
    folder = _only(tmp_path, "every_fourth*", "x.json")
    assert json.loads((folder / "x.json").read_text())["aggregated_metrics"]["error_rate"] == 0
    result = find_result(folder, LoadPoint(scenario="D(32,16)", concurrency=2))
    assert result
    assert result.errors == {"500": 9}
    assert len(result.completed) == 28
    assert "this failure was asked for" in result.error_messages["500"]


def test_a_run_in_which_all_failed_is_known_by_its_debug_file_alone(tmp_path: Path) -> None:
    folder = _only(tmp_path, "debug_for_run_D1500_8_1.json")
    point = LoadPoint(scenario="D(1500,8)", concurrency=1)
    assert find_result(folder, point) is None
    debug = find_debug(folder, point)
    assert debug
    assert not debug.final
    assert debug.errors == {"400": 12}
    assert "exceeds the available context size" in debug.error_messages["400"]


def test_a_refused_connection_is_not_a_servers_503(tmp_path: Path) -> None:
    debug = find_debug(
        _only(tmp_path, "debug_for_run_D32_16_2.json"),
        LoadPoint(scenario="D(32,16)", concurrency=2),
    )
    assert debug
    assert debug.errors == {"connection": 12}


def test_a_file_is_no_result_before_its_last_byte_is_written(tmp_path: Path) -> None:
    text = next(FIXTURES.glob("D32_16*_1_time*")).read_bytes()
    point = LoadPoint(scenario="D(32,16)", concurrency=1)
    results: list[RawResult | None] = []
    for length in [0, 1, 100, len(text) // 2, text.rindex(b"\n }") + 3, len(text) - 1, len(text)]:
        (tmp_path / "x.json").write_bytes(text[:length])
        results.append(find_result(tmp_path, point))
    assert results[:-1] == [None] * (len(results) - 1)
    assert results[-1]


@pytest.mark.parametrize(
    "text",
    ["[1,\n2\n]", '{"a": 1\n}', '{"aggregated_metrics": {}\n}', '{"aggregated_metrics": 3\n}'],
)
def test_other_json_files_are_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "experiment_metadata.json").write_text('{"cmd": "x"\n}')
    (tmp_path / "other.json").write_text(text)
    assert find_result(tmp_path, LoadPoint(scenario="D(32,16)", concurrency=1)) is None


def test_a_file_with_nan_is_no_result(tmp_path: Path) -> None:
    text = next(FIXTURES.glob("D32_16*_1_time*")).read_text()
    start = text.index('"run_duration": ') + len('"run_duration": ')
    end = text.index(",", start)
    (tmp_path / "x.json").write_text(text[:start] + "NaN" + text[end:])
    assert find_result(tmp_path, LoadPoint(scenario="D(32,16)", concurrency=1)) is None
