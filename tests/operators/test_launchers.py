"""A launcher's tasks by its name."""

import pytest

from airtune.errors import SettingsError
from airtune.operators.launchers import launcher_tasks


@pytest.mark.parametrize(
    ("launcher", "dag_id"),
    [
        ("local", "autotune_local"),
        ("docker", "autotune_docker"),
        ("docker/gpu7", "autotune_docker__gpu7"),
        ("kubernetes", "autotune_kubernetes"),
        ("ome", "autotune_ome"),
    ],
)
def test_each_launcher_has_a_dag(launcher: str, dag_id: str) -> None:
    tasks = launcher_tasks(launcher)
    assert tasks.launcher == launcher
    assert tasks.dag_id == dag_id


@pytest.mark.parametrize("launcher", ["endpoint", "nonsense"])
def test_another_one_is_refused_with_what_to_write(launcher: str) -> None:
    with pytest.raises(SettingsError, match="Write local, docker, kubernetes or ome"):
        launcher_tasks(launcher)
