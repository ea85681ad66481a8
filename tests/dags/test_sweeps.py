"""The DAGs that task files with a schedule become."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airtune.operators.sweeps import sweep_dags
from airtune.testing.fake_task import fake_task

ROOT = Path(__file__).resolve().parents[2]
MANY = 40


def _write(folder: Path, name: str, **changes: Any) -> None:
    zone = {"cron": "30 1 * * *", "timezone": "Europe/Berlin"}
    task = fake_task(name, parameters={"random_seed": [1]}, **({"schedule": zone} | changes))
    (folder / f"{name}.json").write_text(json.dumps(task))


def _dags(folder: Path, only: str | None = None) -> dict[str, DAG]:
    return {dag.dag_id: dag for dag in sweep_dags(folder, only)}


def _only(folder: Path, **changes: Any) -> DAG:
    _write(folder, "night", **changes)
    return _dags(folder)["sweep__night"]


def test_a_sweep_has_the_schedule_of_its_file_and_never_two_runs_at_once(tmp_path: Path) -> None:
    dag = _only(tmp_path)
    assert "expression='30 1 * * *', timezone='Europe/Berlin'" in repr(dag.schedule)
    assert dag.max_active_runs == 1
    assert not dag.catchup
    assert dag.is_paused_upon_creation is False
    assert dag.tags == {"airtune", "sweep", "local"}
    assert dag.doc_md is not None
    assert "night.json" in dag.doc_md


def test_a_sweep_is_the_same_graph_with_an_asset(tmp_path: Path) -> None:
    dag = _only(tmp_path)
    assert set(dag.task_dict) == {
        "plan",
        "slot.deploy",
        "slot.benchmark",
        "slot.teardown",
        "reduce",
    }
    (asset,) = dag.get_task("reduce").outlets
    assert asset.name == "airtune_verdict_night"
    assert asset.uri == "airtune://verdict/night"


def test_its_runs_cannot_be_asked_for_another_task(tmp_path: Path) -> None:
    assert set(_only(tmp_path).params) == {"max_iterations", "timeout_per_iteration", "rerun"}


def test_telling_receivers_leaves_the_state_of_the_run_to_reduce(tmp_path: Path) -> None:
    dag = _only(tmp_path, notify=[{"webhook": {"connection": "hook"}}])
    notify = dag.get_task("notify")
    assert notify.is_teardown
    assert not notify.on_failure_fail_dagrun
    assert notify.upstream_task_ids == {"reduce"}


def test_a_broken_file_is_a_dag_without_schedule_that_shows_and_raises_its_error(
    tmp_path: Path,
) -> None:
    _write(tmp_path, "good")
    _write(tmp_path, "bad", schedule="61 * * * *")
    dags = _dags(tmp_path)
    assert set(dags) == {"sweep__good", "sweep__bad"}
    bad = dags["sweep__bad"]
    assert bad.schedule is None
    assert bad.tags == {"airtune", "sweep", "broken"}
    assert bad.doc_md is not None
    assert "out of range" in bad.doc_md
    with pytest.raises(AirflowFailException, match="out of range"):
        bad.get_task("plan").execute({})


def test_a_task_process_gets_the_one_dag_it_asks_for(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _write(tmp_path, name)
    (tmp_path / "c d.json").write_text("{")
    assert list(_dags(tmp_path, "sweep__b")) == ["sweep__b"]
    assert list(_dags(tmp_path, "sweep__c-d")) == ["sweep__c-d"]
    assert _dags(tmp_path, "sweep__gone") == {}


OFFLINE = """
import json, socket, sqlite3, sys, time

def refuse(*arguments, **options):
    raise AssertionError("a DAG file must use neither network nor database")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
sqlite3.connect = sqlite3.dbapi2.connect = refuse
import airflow.sdk
began = time.monotonic()
import runpy
found = runpy.run_path(sys.argv[1])
print(json.dumps({
    "dags": sorted(name for name in found if name.startswith("sweep__")),
    "broken": sorted(n for n, d in found.items() if "broken" in getattr(d, "tags", ())),
    "seconds": time.monotonic() - began,
    "docker": "docker" in sys.modules,
}))
"""


def _parsed(folder: Path, home: Path) -> Any:
    """What a process of its own finds in the DAG file, with network and databases shut off."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRTUNE_SWEEP_DIR": str(folder),
        "PYTHONWARNINGS": "ignore",
    }
    words = [sys.executable, "-c", OFFLINE, str(ROOT / "dags" / "sweeps.py")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_many_files_are_parsed_quickly_without_network_and_database(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps"
    folder.mkdir()
    for number in range(MANY):
        _write(folder, f"night-{number}")
    (folder / "broken.json").write_text("{")
    found = _parsed(folder, tmp_path)
    assert len(found["dags"]) == MANY + 1
    assert found["broken"] == ["sweep__broken"]
    assert not found["docker"], "no file needs it"
    assert found["seconds"] < 10


def test_a_docker_sweep_has_the_docker_tasks(tmp_path: Path) -> None:
    dag = _only(tmp_path, deployment_mode="docker")
    assert dag.tags == {"airtune", "sweep", "docker"}
    assert "model_path" in dag.params
    assert dag.get_task("plan").task_type == "PlanDocker"
