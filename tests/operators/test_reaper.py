"""The reaper's tasks; what they remove is tested where it is removed."""

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airtune.errors import SettingsError
from airtune.operators.reaper import BrokenSweeps, Reap, reaper
from airtune.processes.place import Place
from airtune.settings import Settings
from airtune.study.store import Store
from airtune.testing.fake_task import fake_task

CONTEXT: Any = {}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRTUNE_HOME", str(tmp_path))
    monkeypatch.delenv("AIRTUNE_SWEEP_DIR", raising=False)
    (tmp_path / "var").mkdir()
    (tmp_path / "tasks").mkdir()
    return tmp_path


def test_it_runs_by_its_setting_one_at_a_time() -> None:
    dag = reaper(Settings.load({"AIRTUNE_REAPER_CRON": "@hourly"}))
    assert "0 * * * *" in repr(dag.schedule)
    assert dag.max_active_runs == 1
    assert not dag.catchup
    assert dag.is_paused_upon_creation is False


def test_each_task_is_seen_to_fail_by_itself() -> None:
    dag = reaper(Settings.load({}))
    assert {task.task_id for task in dag.leaves} == {"reap", "broken_sweeps"}


def test_a_setting_that_is_no_cron_expression_is_named() -> None:
    with pytest.raises(SettingsError, match="AIRTUNE_REAPER_CRON = 'now': has 1 fields"):
        reaper(Settings.load({"AIRTUNE_REAPER_CRON": "now"}))


def test_broken_sweep_files_are_told_with_their_errors(home: Path) -> None:
    good = fake_task("good", parameters={"random_seed": [1]}, schedule="@daily")
    (home / "tasks" / "good.json").write_text(json.dumps(good))
    task = BrokenSweeps(task_id="broken_sweeps")
    assert task.execute(CONTEXT) == 1
    (home / "tasks" / "bad.json").write_text("{")
    with pytest.raises(AirflowFailException, match=r"(?s)1 broken in .*bad\.json.*is no JSON"):
        task.execute(CONTEXT)


def test_where_nothing_is_left_nothing_is_reaped(home: Path) -> None:
    nothing: dict[str, list[str]] = {"reclaimed": [], "removed": [], "kept": []}
    assert Reap(task_id="reap").execute(CONTEXT) == nothing
    with Store.open(f"sqlite:///{home}/var/airtune.db") as store:
        store.open_run("d/1", "s-1", "s", "local", {}, [])
    Place.of(home / "var" / "run", "d/1", 0, 1)
    assert Reap(task_id="reap").execute(CONTEXT) == nothing
