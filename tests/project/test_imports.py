"""A task process imports its DAG file and the plugins anew: they must load little."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("kubernetes", "docker", "optuna", "pandas", "numpy", "plotly", "fastapi")
LIGHT = ("airtune_reaper.py", "autotune_local.py", "sweeps.py")
"""DAG files whose tasks need no more; the Docker SDK is for those of Docker mode, the
Kubernetes provider for those of the clusters' modes."""
DAG_FILES = [ROOT / "dags" / name for name in LIGHT]
PLUGINS = sorted((ROOT / "plugins").glob("*.py"))


# Airflow itself may load one of them already; what counts is what our files add. Airflow is loaded
# once; each file is read by a child of that process.
LOADED_BY = """
import os, runpy, sys
import airflow.sdk
from airflow.sdk import DAG, task_group, BaseOperator, Param
before = set(sys.modules)
files, plugins = sys.argv[1].split(":"), sys.argv[2].split(":")
for file in files:
    if (child := os.fork()) == 0:
        for path in [file, *plugins]: runpy.run_path(path)
        print("LOADED", file, *sorted({n.partition(".")[0] for n in set(sys.modules) - before}))
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, file
"""


def _loaded_by(files: list[Path], home: Path) -> dict[str, set[str]]:
    """The packages that each file and the plugins add to a process with Airflow in it."""
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    arguments = [":".join(map(str, paths)) for paths in (files, PLUGINS)]
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("LOADED")]
    return {Path(words[1]).name: set(words[2:]) for words in lines}


def test_there_are_dag_files() -> None:
    found = {path.name for path in (ROOT / "dags").glob("*.py")}
    assert found == {*LIGHT, "autotune_docker.py", "autotune_kubernetes.py", "autotune_ome.py"}


def test_a_task_process_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    loaded = _loaded_by(DAG_FILES, tmp_path)
    assert set(loaded) == set(LIGHT)
    assert all("airtune" in packages for packages in loaded.values())
    assert {name: packages.intersection(HEAVY) for name, packages in loaded.items()} == {
        name: set() for name in LIGHT
    }
