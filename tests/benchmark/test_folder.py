"""Folders of load points."""

import threading
from pathlib import Path

from tests.benchmark.samples import POINT

from airtune.benchmark.folder import client_log_tail, fresh_folder, newest_folder, redact_files
from airtune.records import LoadPoint


def test_names_say_scenario_and_concurrency(tmp_path: Path) -> None:
    texts = ["D(100,100)", "N(480,240)/(300,150)", "U(50,100)/(200,250)"]
    points = [LoadPoint(scenario=text, concurrency=4) for text in texts]
    assert [fresh_folder(tmp_path, point).name for point in points] == [
        "D100_100-c4",
        "N480_240_300_150-c4",
        "U50_100_200_250-c4",
    ]


def test_folders_are_fresh_even_when_made_at_the_same_time(tmp_path: Path) -> None:
    made: list[Path] = []
    threads = [
        threading.Thread(target=lambda: made.append(fresh_folder(tmp_path, POINT)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8


def test_the_newest_is_found_by_number_and_not_by_name(tmp_path: Path) -> None:
    assert newest_folder(tmp_path, POINT) is None
    for _ in range(11):
        fresh_folder(tmp_path, POINT)
    fresh_folder(tmp_path, LoadPoint(scenario="D(32,16)", concurrency=11))
    newest = newest_folder(tmp_path, POINT)
    assert newest
    assert newest.name == "D32_16-c1-11"


def test_the_tail_is_that_of_the_newest_log_and_empty_without_one(tmp_path: Path) -> None:
    assert client_log_tail(tmp_path, POINT) == ""
    (fresh_folder(tmp_path, POINT) / "client.log").write_text("old")
    newest = fresh_folder(tmp_path, POINT)
    assert client_log_tail(tmp_path, POINT) == ""
    (newest / "client.log").write_text("x" * 10 + "end")
    assert client_log_tail(tmp_path, POINT, limit=3) == "end"


def test_secrets_are_redacted_in_files_but_not_through_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("key sk-1")
    folder = tmp_path / "point" / "genai-bench"
    folder.mkdir(parents=True)
    (folder / "experiment_metadata.json").write_text('{"cmd": "--api-key sk-1"}')
    (folder / "link").symlink_to(outside)
    redact_files(tmp_path / "point", ["sk-1", ""])
    assert (folder / "experiment_metadata.json").read_text() == '{"cmd": "--api-key ***"}'
    assert outside.read_text() == "key sk-1"
