"""One Airflow for all tests of this folder; every case is a DAG run of it, all at once."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from airtune.processes.place import Place
from airtune.records import Role, Trial
from airtune.settings import Settings
from airtune.stack.stack import Stack
from airtune.study.store import Store
from airtune.testing.airflow_api import AirflowApi
from airtune.testing.home import end_processes, home_environment, make_home

DEVICES = "fake0..3"


@dataclass
class Site:
    """A running Airflow with airtune in a home of its own."""

    api: AirflowApi
    settings: Settings
    stack: Stack

    def close(self) -> None:
        """Stop it, and what its runs have left; fine if that was done before."""
        self.api.close()
        self.stack.stop()
        end_processes(self.settings.home)
        assert self.stack.pids == []

    def store(self) -> Store:
        return Store.open(self.settings.store_url)

    def key(self, run_id: str) -> str:
        return f"{self.api.dag_id}/{run_id}"

    def trials(self, run_id: str) -> list[Trial]:
        with self.store() as store:
            return store.trials(run=self.key(run_id))

    def trial(self, run_id: str, **parameters: Any) -> Trial:
        """The run's newest trial with these parameters; none are the baseline's."""
        found = [
            trial
            for trial in self.trials(run_id)
            if (trial.role is Role.BASELINE if not parameters else trial.parameters == parameters)
        ]
        return max(found, key=lambda trial: trial.trial_id)

    def slot(self, run_id: str, **parameters: Any) -> int:
        """The slot that runs these parameters."""
        with self.store() as store:
            plan = store.run(self.key(run_id)).plan
        wanted = (i for i, item in enumerate(plan) if item["trial"]["parameters"] == parameters)
        return next(wanted)

    def record(self, run_id: str, slot: int, role: str) -> Path | None:
        """The newest record of a slot's server or client, None before it is started."""
        folder = Place.of(self.settings.run_dir, self.key(run_id), slot, 0).folder
        found = sorted(folder.glob(f"{role}-*.json"), key=lambda path: path.stat().st_mtime)
        return found[-1] if found else None

    def results(self, task_name: str) -> Any:
        return json.loads((self.settings.results_dir / f"{task_name}_results.json").read_text())

    def left_of(self, run_id: str) -> list[str]:
        """Leases and processes that a run has left behind."""
        with self.store() as store:
            leases = [str(one) for one in store.holders() if one.run == self.key(run_id)]
            name = store.run(self.key(run_id)).task["benchmark"]["model_name"]
        return leases + [" ".join(words) for words in _command_lines() if name in words]


def _command_lines() -> Iterator[list[str]]:
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process.cmdline()
        except psutil.NoSuchProcess:
            continue


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Start an Airflow; all are stopped at the end."""
    sites: list[Site] = []

    def make(
        devices: str,
        store_url: str | None = None,
        dag_id: str = "autotune_local",
        changes: dict[str, str] | None = None,
        **options: Any,
    ) -> Site:
        home = make_home(tmp_path_factory.mktemp("site") / "home")
        changes = {"AIRTUNE_STORE_URL": store_url} if store_url else changes or {}
        environment = home_environment(home, devices, **changes)
        stack = Stack(
            home / "var" / "airflow",
            settings=environment,
            heartbeat_timeout_s=10,
            orphan_interval_s=5,
            **options,
        )
        try:
            handle = stack.start()
            stack.wait_for_dag(dag_id)
        except BaseException:
            stack.stop()
            raise
        sites.append(Site(AirflowApi(handle, dag_id), Settings.load(environment), stack))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture(scope="session")
def site(make_site: Callable[..., Site]) -> Site:
    """The Airflow that all tests share."""
    return make_site(DEVICES, parallelism=6)
