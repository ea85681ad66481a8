"""The page reads results files of one folder and nothing else."""

from pathlib import Path

import pytest
from tests.page.pages import stored

from airtune.page.stored import read_all, read_task, results_path, task_names

OUTSIDE = [
    "../outside",
    "..",
    "sub/inner",
    "/etc/passwd",
    "..%2Foutside",
    ".hidden",
    "with space",
    "",
    "nul\0",
    "a" * 101,
    "outside\n",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results = tmp_path / "results"
    (results / "sub").mkdir(parents=True)
    stored(tmp_path, "outside")
    stored(results / "sub", "inner")
    return results


def test_tasks_are_listed_by_name_and_other_files_are_not(folder: Path) -> None:
    stored(folder, "b-task")
    stored(folder, "a.task_1")
    (folder / "notes.json").write_text("{}")
    assert task_names(folder) == ["a.task_1", "b-task"]


def test_a_results_folder_that_does_not_exist_yet_has_no_tasks(tmp_path: Path) -> None:
    assert task_names(tmp_path / "none") == []


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_is_no_task_name_finds_nothing(folder: Path, name: str) -> None:
    assert results_path(name, folder) is None


def test_a_link_that_leaves_the_folder_is_not_followed(folder: Path) -> None:
    (folder / "link_results.json").symlink_to(folder.parent / "outside_results.json")
    assert results_path("link", folder) is None
    assert task_names(folder) == []


def test_the_results_folder_itself_may_be_a_link(folder: Path) -> None:
    stored(folder, "mine")
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert task_names(link) == ["mine"]


def test_a_replaced_file_is_read_again(folder: Path) -> None:
    stored(folder, "mine", study="first")
    first = read_task("mine", folder)
    new = stored(folder, "other", study="second")
    new.replace(folder / "mine_results.json")
    second = read_task("mine", folder)
    assert (first and first.study, second and second.study) == ("first", "second")


def test_a_file_that_is_no_results_file_is_told_apart_and_logged(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored(folder, "good")
    (folder / "bad_results.json").write_text('{"schema_version": 99}')
    found = dict(read_all(folder))
    assert found["bad"] is None
    assert found["good"] is not None
    assert "bad_results.json cannot be read" in caplog.text
