"""A task process imports its DAG file and the plugins anew: they must load little."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("kubernetes", "docker", "optuna", "pandas", "numpy", "plotly", "fastapi")
LIGHT = ("airtune_reaper.py", "autotune_local.py", "sweeps.py")
"""DAG files whose tasks need no more; the Docker SDK is for those of Docker mode, the
Kubernetes provider for those of the clusters' modes."""
DAG_FILES = [ROOT / "dags" / name for name in LIGHT]
PLUGINS = sorted((ROOT / "plugins").glob("*.py"))


def _loaded_by(files: list[Path], home: Path) -> set[str]:
    # Airflow itself may load one of them already; what counts is what our files add.
    code = (
        "import sys, runpy\n"
        "import airflow.sdk\n"
        "from airflow.sdk import DAG, task_group, BaseOperator, Param\n"
        "before = set(sys.modules)\n"
        "for path in sys.argv[1:]: runpy.run_path(path)\n"
        "print('LOADED', *sorted({n.partition('.')[0] for n in set(sys.modules) - before}))\n"
    )
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, files)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return set(line.split()[1:])


def test_there_are_dag_files() -> None:
    found = {path.name for path in (ROOT / "dags").glob("*.py")}
    assert found == {*LIGHT, "autotune_docker.py", "autotune_kubernetes.py", "autotune_ome.py"}


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_task_process_loads_no_more_than_it_needs(path: Path, tmp_path: Path) -> None:
    loaded = _loaded_by([path, *PLUGINS], tmp_path)
    assert "airtune" in loaded
    assert not loaded.intersection(HEAVY)
