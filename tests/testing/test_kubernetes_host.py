from pathlib import Path

import pytest

from airtune.testing.kubernetes_host import SETTINGS, make_groups, remove_groups
from airtune.testing.kubernetes_place import Place

PLACE = Place(Path("/nowhere"), Path("/nowhere"), "airtune-k123456")


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    """Control groups of version 1, as a folder: two hierarchies and another name of one."""
    for name in ("cpuset", "memory"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").write_text("1\n")
    (tmp_path / "alias").symlink_to("memory")
    (tmp_path / "other").mkdir()
    return tmp_path


def test_version_1_gets_a_group_in_each_hierarchy_and_it_goes_again(version_1: Path) -> None:
    make_groups(PLACE, version_1)
    made = sorted(path.parent.name for path in version_1.glob(f"*/{PLACE.name}"))
    assert made == ["alias", "cpuset", "memory"]
    (version_1 / "memory" / PLACE.name / "kubepods" / "pod1").mkdir(parents=True)
    remove_groups(PLACE, version_1)
    assert not list(version_1.glob(f"*/{PLACE.name}"))


def test_version_2_gets_one_group_with_the_controllers_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory misc\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    make_groups(PLACE, tmp_path)
    assert (tmp_path / PLACE.name).is_dir()
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"  # the latest request
    remove_groups(PLACE, tmp_path)
    assert not (tmp_path / PLACE.name).exists()


def test_the_settings_that_are_kept_are_settings_of_a_kernel() -> None:
    assert all(Path("/proc/sys", name).exists() for name in SETTINGS)
