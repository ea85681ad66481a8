"""Measuring a load point, with a stand-in for genai-bench as a real process."""

import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest
from tests.benchmark.samples import ENDPOINT, POINT, a_task, some_settings

from airtune.benchmark.folder import client_log_tail
from airtune.benchmark.run import measure
from airtune.errors import TrialFailed
from airtune.processes.place import Place
from airtune.records import FailureClass, Measurement, ValidityFlag

CLIENT = str(Path(__file__).parent / "fake_client.py")


class Bench:
    """Runs ``measure`` with a behaviour of the stand-in, and keeps what was logged."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder / "bench-exp1", list[str]()
        self.home = folder
        self.place = Place.of(folder / "run", "dag/run", 0, attempt=1)

    def measure(self, behaviour: str, limit_s: float = 20, **more: object) -> Measurement:
        settings = some_settings(self.home, None, sys.executable, CLIENT, behaviour)
        return measure(
            ENDPOINT,
            a_task(),
            POINT,
            folder=self.folder,
            place=self.place,
            limit_s=limit_s,
            settings=settings,
            log=self.lines.append,
            **more,  # type: ignore[arg-type]
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_complete_result_ends_the_client_without_waiting_for_its_plots(bench: Bench) -> None:
    started = time.monotonic()
    measurement = bench.measure("plots for ever")
    assert time.monotonic() - started < 5
    assert (measurement.completed, measurement.requests) == (8, 8)
    assert measurement.scorable
    assert measurement.raw_file
    assert Path(measurement.raw_file).is_file()
    assert not bench.place.record("client").exists()
    assert Measurement.model_validate(json.loads(measurement.model_dump_json())) == measurement


def test_a_client_that_crashes_after_its_result_has_measured(bench: Bench) -> None:
    assert bench.measure("crashes after the result").scorable


@pytest.mark.parametrize("behaviour", ["crashes", "dies", "another point's result"])
def test_a_client_without_a_result_leaves_an_incomplete_load_point(
    bench: Bench, behaviour: str
) -> None:
    measurement = bench.measure(behaviour)
    assert ValidityFlag.INCOMPLETE in measurement.validity
    assert (measurement.completed, measurement.error_rate) == (0, 1.0)
    assert not measurement.scorable


def test_the_note_of_a_crash_ends_with_the_clients_last_line(bench: Bench) -> None:
    note = bench.measure("crashes").notes["incomplete"]
    assert note == (
        "The client left no result file (exit code 1; its last line: ValueError: no luck)."
    )
    assert "no luck" in client_log_tail(bench.folder, POINT)


def test_half_a_result_file_is_none_and_the_limit_ends_the_client(bench: Bench) -> None:
    with pytest.raises(TrialFailed, match=r"not measured within 0\.5 s.*load_point_s") as caught:
        bench.measure("half a result", limit_s=0.5)
    assert caught.value.failure.failure_class is FailureClass.BENCHMARK_TIMEOUT
    assert "client started" in caught.value.failure.log_tail


def test_the_limit_ends_the_whole_tree(bench: Bench) -> None:
    with pytest.raises(TrialFailed, match="not measured"):
        bench.measure("hangs with a child", limit_s=0.5)
    (child,) = bench.folder.rglob("child")
    assert not _runs(int(child.read_text()))


def test_a_client_that_dies_leaves_no_child_behind(bench: Bench) -> None:
    assert not bench.measure("dies before its child").scorable
    (child,) = bench.folder.rglob("child")
    assert not _runs(int(child.read_text()))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_flood_is_bounded_and_does_not_hold_up_the_limit(bench: Bench) -> None:
    started = time.monotonic()
    with pytest.raises(TrialFailed, match=r"not measured within 0\.8 s"):
        bench.measure("floods", limit_s=0.8)
    assert time.monotonic() - started < 5
    assert len(bench.lines) < 1100
    assert "are not shown" in bench.lines[-1]
    (log,) = bench.folder.rglob("client.log")
    assert log.stat().st_size < 5_100_000


def test_a_client_that_closes_its_output_is_still_followed(bench: Bench) -> None:
    assert bench.measure("closes its output").scorable


def test_a_shut_gate_is_a_cancelled_trial_and_starts_no_client(bench: Bench) -> None:
    bench.place.gate.touch()
    with pytest.raises(TrialFailed) as caught:
        bench.measure("plots for ever")
    assert caught.value.failure.failure_class is FailureClass.CANCELLED
    assert not list(bench.folder.rglob("*.json"))


def test_the_client_runs_on_the_cores_it_is_given(bench: Bench) -> None:
    core = min(os.sched_getaffinity(0))
    bench.measure("tells its core", cpus=(core,))
    assert f"cores [{core}]" in bench.lines


def test_a_repeated_load_point_has_a_fresh_folder(bench: Bench) -> None:
    first, second = (bench.measure("plots for ever").raw_file for _ in range(2))
    assert first != second
    assert first
    assert Path(first).is_file()


def test_the_servers_key_appears_in_no_file_and_no_line(bench: Bench) -> None:
    bench.measure("plots for ever", api_key="sk-very-secret")
    assert "client started with key ***" in bench.lines
    files = [path for path in bench.folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"very-secret" in path.read_bytes()]
    assert "very-secret" not in "".join(bench.lines)


def test_a_client_that_does_not_exist_is_named(bench: Bench) -> None:
    settings = some_settings(bench.home, None, "no-such-client")
    measurement = measure(
        ENDPOINT, a_task(), POINT, folder=bench.folder, place=bench.place, limit_s=10,
        settings=settings, log=bench.lines.append,
    )  # fmt: skip
    assert "cannot start no-such-client" in measurement.notes["incomplete"]
