"""An Airflow with airtune for a measurement, and one run of fake trials on it."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from airtune.settings import Settings
from airtune.stack.stack import Stack
from airtune.study.store import Store
from airtune.testing.airflow_api import AirflowApi
from airtune.testing.fake_task import fake_task
from airtune.testing.home import end_processes, home_environment, make_home
from benchmarks.overhead.timeline import TaskTimes, TrialTimes

_READY = "::endgroup::"
"""Ends the group "Pre Execute" of a task's log: the operator's code comes next."""


@dataclass(frozen=True)
class Site:
    """A running Airflow; ``store_url`` is airtune's own database."""

    api: AirflowApi
    store_url: str

    def run(self, name: str, trials: int, measure_s: float, timeout_s: float) -> list[TrialTimes]:
        """Run so many fake trials (baseline included) and return their times.

        Raises:
            RuntimeError: the run or a trial failed, or a task was tried twice.
        """
        task = fake_task(name, parameters={"random_seed": list(range(1, trials))})
        behaviour = {"ttft_ms": 20, "tpot_ms": 1, "seconds": measure_s}
        task["env"] = {"FAKE_ENGINE": json.dumps(behaviour)}
        self.api.trigger({"task": task}, name)
        if (state := self.api.wait(name, timeout_s)) != "success":
            raise RuntimeError(f"run {name} ended {state}")
        return self._times(name)

    def _times(self, run_id: str) -> list[TrialTimes]:
        instances: dict[int, dict[str, Any]] = {}
        for one in self.api.tasks(run_id):
            if one["state"] != "success" or one["try_number"] != 1:
                raise RuntimeError(f"{one['task_id']} {one['map_index']}: {one['state']}")
            if one["map_index"] >= 0:
                instances.setdefault(one["map_index"], {})[one["task_id"]] = one
        with Store.open(self.store_url) as store:
            stored = store.trials(run=f"{self.api.dag_id}/{run_id}")
        recorded = {trial.slot: trial for trial in stored}
        return [
            TrialTimes(
                device=recorded[slot].devices[0],
                deploy=self._task(tasks["slot.deploy"]),
                benchmark=self._task(tasks["slot.benchmark"]),
                teardown=self._task(tasks["slot.teardown"]),
                leased=self._returned(run_id, "slot.deploy", slot, "started_at"),
                gone=self._returned(run_id, "slot.teardown", slot, "gone_at"),
                start_s=recorded[slot].seconds.start,
                measure_s=recorded[slot].seconds.benchmark,
            )
            for slot, tasks in sorted(instances.items())
        ]

    def _task(self, one: dict[str, Any]) -> TaskTimes:
        lines = self.api.log_lines(one["dag_run_id"], one["task_id"], one["map_index"])
        ready = [
            line["timestamp"] for line in lines if line["event"] == _READY and "timestamp" in line
        ]
        return TaskTimes(
            queued=_epoch(one["queued_when"]),
            started=_epoch(one["start_date"]),
            executes=_epoch(ready[0]),
            ended=_epoch(one["end_date"]),
        )

    def _returned(self, run_id: str, task_id: str, slot: int, key: str) -> float:
        return _epoch(self.api.result(run_id, task_id, slot)[key])


@contextmanager
def site(
    devices: str,
    *,
    parallelism: int = 4,
    airflow_url: str | None = None,
    store_url: str | None = None,
) -> Iterator[Site]:
    """A stack in a temporary home, gone with all that it started at the end.

    Args:
        devices: as ``AIRTUNE_DEVICES``.
        parallelism: tasks at once.
        airflow_url, store_url: databases; SQLite files in the home unless given.
    """
    folder = Path(tempfile.mkdtemp(prefix="airtune-overhead-"))
    home = make_home(folder / "home")
    changes = {"AIRTUNE_STORE_URL": store_url} if store_url else {}
    environment = dict(home_environment(home, devices, **changes))
    # airtune's URL names its driver; Airflow's own async engine needs another one than ours.
    database = airflow_url.replace("+psycopg", "+psycopg2") if airflow_url else None
    stack = Stack(
        home / "var/airflow", settings=environment, parallelism=parallelism, database_url=database
    )
    try:
        handle = stack.start()
        stack.wait_for_dag("autotune_local")
        url = store_url or Settings.load(environment).store_url
        yield Site(AirflowApi(handle), url)
    finally:
        stack.stop()
        end_processes(home)
        shutil.rmtree(folder, ignore_errors=True)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
