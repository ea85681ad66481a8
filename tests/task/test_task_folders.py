"""A DAG reads task files from its folders only."""

import pytest

from airtune.errors import TaskError
from airtune.task import resolve_task_file


@pytest.fixture
def folders(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "sub").mkdir(parents=True)
    second.mkdir()
    (first / "a.json").write_text("{}")
    (first / "sub" / "c.json").write_text("{}")
    (second / "b.yaml").write_text("{}")
    (tmp_path / "outside.json").write_text("{}")
    return [first, second, tmp_path / "missing"]


@pytest.mark.parametrize("name", ["a.json", "b.yaml", "sub/c.json"])
def test_a_file_in_any_of_the_folders_is_found(folders, name):
    found = resolve_task_file(name, folders)

    assert found.is_file()
    assert found.name == name.rpartition("/")[2]


def test_an_absolute_path_inside_is_found(folders):
    assert resolve_task_file(str(folders[1] / "b.yaml"), folders).name == "b.yaml"


@pytest.mark.parametrize("name", ["../outside.json", "sub/../../outside.json", "a.json\0", ".."])
def test_a_name_that_leaves_the_folders_is_refused(folders, name):
    with pytest.raises(TaskError, match="leaves the task folders"):
        resolve_task_file(name, folders)


@pytest.mark.parametrize("name", ["outside.json", "not-there.json"])
def test_an_absolute_path_outside_is_refused_whether_it_exists_or_not(folders, tmp_path, name):
    with pytest.raises(TaskError, match="lies outside the task folders"):
        resolve_task_file(str(tmp_path / name), folders)


def test_links_that_leave_the_folder_are_refused(folders, tmp_path):
    (folders[0] / "link.json").symlink_to(tmp_path / "outside.json")
    (folders[0] / "loop.json").symlink_to(folders[0] / "loop.json")
    (folders[0] / "up").symlink_to(tmp_path)

    for name in ("link.json", "up/outside.json"):
        with pytest.raises(TaskError, match="lies outside the task folders"):
            resolve_task_file(name, folders)


def test_a_link_inside_is_followed(folders):
    (folders[0] / "link.json").symlink_to(folders[0] / "a.json")

    assert resolve_task_file("link.json", folders).name == "a.json"


def test_a_misspelt_name_gets_its_neighbours(folders):
    with pytest.raises(TaskError, match=r"Did you mean b\.yaml\?"):
        resolve_task_file("bb.yaml", folders)


def test_a_folder_is_no_task_file(folders):
    with pytest.raises(TaskError, match="is in none of the task folders"):
        resolve_task_file("sub", folders)
