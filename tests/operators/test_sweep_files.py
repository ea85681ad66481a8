"""The sweep folder: which files are sweeps, and one broken file harms no other."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from airtune.errors import TaskError
from airtune.operators import sweep_files
from airtune.operators.sweep_files import (
    broken_dag_ids,
    find_sweep_file,
    read_sweep_files,
    refuse_second_file,
)
from airtune.testing.fake_task import fake_task


def _write(folder: Path, file: str, name: str | None = None, **changes: Any) -> None:
    changes = {"schedule": "@daily"} | changes
    task = fake_task(name or Path(file).stem, parameters={"random_seed": [1]}, **changes)
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(json.dumps(task))


def _problems(folder: Path) -> dict[str, str]:
    return {file.name: file.problem for file in read_sweep_files(folder) if file.sweep is None}


def _names(folder: Path) -> list[str]:
    return [file.sweep.dag_id for file in read_sweep_files(folder) if file.sweep is not None]


def test_a_task_file_with_a_schedule_is_a_sweep(tmp_path: Path) -> None:
    zone = {"cron": "@daily", "timezone": "Europe/Berlin"}
    _write(tmp_path, "night.json", schedule=zone, notify=[{"webhook": {"connection": "hook"}}])
    (file,) = read_sweep_files(tmp_path)
    assert file.launcher == "local"
    assert file.sweep is not None
    assert file.sweep.dag_id == "sweep__night"
    assert (file.sweep.cron, file.sweep.timezone) == ("0 0 * * *", "Europe/Berlin")
    assert file.sweep.receivers == ({"webhook": {"connection": "hook"}, "on": "change"},)


def test_a_task_file_without_a_schedule_is_none_and_other_files_do_not_count(
    tmp_path: Path,
) -> None:
    _write(tmp_path, "plain.json", schedule=None)
    (tmp_path / "notes.txt").write_text("@daily")
    (tmp_path / ".hidden.json").write_text("{")
    (tmp_path / "folder.d").mkdir()
    assert read_sweep_files(tmp_path) == []
    assert read_sweep_files(tmp_path / "missing") == []


BROKEN = {
    "no json": ("{", "is no JSON"),
    "no task": ('{"task_name": "x"}', "model: is missing"),
    "no cron": ({"schedule": "61 * * * *"}, "out of range"),
    "no DAG": ({"deployment_mode": "endpoint"}, "has no DAG that a schedule could start"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_says_why_and_harms_no_other(tmp_path: Path, case: str) -> None:
    _write(tmp_path, "good.json")
    content, words = BROKEN[case]
    if isinstance(content, dict):
        _write(tmp_path, "bad.json", **content)
    else:
        (tmp_path / "bad.json").write_text(content)
    assert words in _problems(tmp_path)["bad.json"]
    assert _names(tmp_path) == ["sweep__good"]


def test_a_link_out_of_the_folder_and_what_is_no_file_are_broken(tmp_path: Path) -> None:
    _write(tmp_path, "outside.json")
    folder = tmp_path / "sweeps"
    _write(folder, "good.json")
    (folder / "link.json").symlink_to(tmp_path / "outside.json")
    (folder / "folder.json").mkdir()
    problems = _problems(folder)
    assert "lies outside the task folders" in problems["link.json"]
    assert "folder.json" in problems
    assert _names(folder) == ["sweep__good"]


def test_a_name_that_cannot_be_shown_is_broken(tmp_path: Path) -> None:
    _write(tmp_path, "good.json")
    (tmp_path / os.fsdecode(b"\xff\n.json")).write_text("{}")
    assert list(_problems(tmp_path)) == ["\\udcff\\n.json"]
    assert _names(tmp_path) == ["sweep__good"]


def test_two_files_with_one_task_name_are_both_broken(tmp_path: Path) -> None:
    for file in ("a.json", "b.json"):
        _write(tmp_path, file, "same")
    _write(tmp_path, "good.json")
    problems = _problems(tmp_path)
    assert set(problems) == {"a.json", "b.json"}
    assert all("stands in a.json and b.json" in problem for problem in problems.values())
    assert _names(tmp_path) == ["sweep__good"]
    with pytest.raises(TaskError, match=r"a\.json and b\.json"):
        refuse_second_file(tmp_path, "a.json", "same")
    refuse_second_file(tmp_path, "good.json", "good")


def test_an_unforeseen_error_is_told_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in ("a.json", "b.json"):
        _write(tmp_path, file)
    load = sweep_files.load_task_data

    def explode(path: Path) -> Any:
        if path.name == "a.json":
            raise ZeroDivisionError("by chance")
        return load(path)

    monkeypatch.setattr(sweep_files, "load_task_data", explode)
    assert _problems(tmp_path) == {"a.json": "a.json: ZeroDivisionError: by chance"}
    assert _names(tmp_path) == ["sweep__b"]


def test_ids_of_broken_files_are_valid_and_never_meet(tmp_path: Path) -> None:
    _write(tmp_path, "other.json", "mine")
    for name in ("mine.json", "mine.yaml", "my task.json", "my+task.json"):
        (tmp_path / name).write_text("{")
    ids = broken_dag_ids(read_sweep_files(tmp_path))
    assert ids == {
        "mine.json": "sweep__mine.json",
        "mine.yaml": "sweep__mine.yaml",
        "my task.json": "sweep__my-task",
        "my+task.json": "sweep__my-task.json",
    }


def test_ids_of_broken_files_with_long_names_never_meet(tmp_path: Path) -> None:
    for last in "abc":
        (tmp_path / f"{'x' * 220}{last}.json").write_text("{")
    ids = broken_dag_ids(read_sweep_files(tmp_path))
    assert len(set(ids.values())) == 3
    assert all(len(dag_id) <= 250 for dag_id in ids.values())


def test_a_sweep_named_like_its_file_is_found_without_reading_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        _write(tmp_path, f"{name}.json")
    read: list[str] = []
    load = sweep_files.load_task_data
    monkeypatch.setattr(
        sweep_files, "load_task_data", lambda path: read.append(path.name) or load(path)
    )
    found = find_sweep_file(tmp_path, "sweep__b")
    assert found is not None
    assert found.name == "b.json"
    assert read == ["b.json"]


def test_a_sweep_is_found_in_a_file_of_another_name(tmp_path: Path) -> None:
    _write(tmp_path, "a.json", "night")
    _write(tmp_path, "night.json", "other")
    found = find_sweep_file(tmp_path, "sweep__night")
    assert found is not None
    assert found.name == "a.json"
    assert find_sweep_file(tmp_path, "sweep__none") is None
