"""``results``, ``reap`` and what an interrupted demo removes, on a store of the test's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.cli.fake_airflow import FakeAirflow

from airtune.cli.leftovers import remove_leftovers
from airtune.processes.place import Place
from airtune.processes.table import process_of
from airtune.records import Distribution, Measurement, Role, TrialState
from airtune.settings import Settings
from airtune.study.plan import make_plan
from airtune.study.store import Store
from airtune.task import load_task

RUN = "autotune_local/manual__1"


class Tuning:
    """A run in the store whose trials are recorded by hand."""

    def __init__(self, home: Path, task_file: Path) -> None:
        (home / "results").mkdir()
        self.settings = Settings.load()
        self.task = load_task(task_file)
        self.plan = make_plan(self.task, self.settings)
        self.store = Store.open(self.settings.store_url)
        items = [{"trial": t.model_dump(mode="json"), "reused": None} for t in self.plan.trials]
        task_json = self.task.model_dump(mode="json")
        self.store.open_run(RUN, self.plan.study, self.task.task_name, "local", task_json, items)

    def record(self, slot: int, tokens_per_s: float) -> None:
        """A trial that has succeeded."""
        planned = self.plan.trials[slot]
        claim = self.store.claim(RUN, slot, "deploy", 0)
        self.store.begin_trial(
            RUN,
            slot,
            claim.attempt,
            role=Role(planned.role),
            label=planned.label,
            parameters=planned.parameters,
            plan_key=planned.plan_key,
        )
        point = self.task.load_points[0]
        times = Distribution(mean=100, p50=100, p90=100, p95=100, p99=100)
        measurement = Measurement(
            scenario=point.scenario,
            concurrency=point.concurrency,
            seconds=10,
            requests=24,
            completed=24,
            error_rate=0,
            e2e_latency_ms=times,
            ttft_ms=times,
            tpot_ms=times,
            output_tokens_per_s=tokens_per_s,
        )
        self.store.record_measurement(RUN, slot, claim.attempt, 0, measurement)
        self.store.record_trial(
            RUN,
            slot,
            claim.attempt,
            state=TrialState.SUCCEEDED,
            devices=("cpu1",),
            argv=("llama-server", "--parallel", str(slot)),
        )

    def hold(self, slot: int) -> subprocess.Popen[bytes]:
        """A slot that holds the device and runs a server; its tasks have ended somehow."""
        claim = self.store.claim(RUN, slot, "deploy", 0)
        lease = self.store.try_lease(RUN, slot, claim.attempt, 1, ["cpu1"], claim.generation)
        assert lease is not None
        place = Place.of(self.settings.run_dir, RUN, slot, claim.attempt)
        words = [sys.executable, "-m", "airtune.processes.entry", "--session"]
        words += ["--record", str(place.record("server")), "--gate", str(place.gate)]
        server = subprocess.Popen([*words, "--", "sleep", "60"])
        while not place.record("server").exists():
            assert server.poll() is None
        return server


@pytest.fixture
def tuning(home: Path, local_task: Path) -> Iterator[Tuning]:
    tuning = Tuning(home, local_task)
    yield tuning
    tuning.store.close()


@pytest.fixture
def login(airflow: FakeAirflow, monkeypatch: pytest.MonkeyPatch) -> FakeAirflow:
    monkeypatch.setenv("AIRTUNE_API_TOKEN", "given")
    return airflow


def test_results_name_the_best_of_a_run_that_was_cut_off(airtune: Command, tuning: Tuning) -> None:
    tuning.record(0, 40.0)
    tuning.record(3, 60.0)
    ended = airtune("results", tuning.task.task_name)
    assert ended.err == ""
    assert ended.code == 0
    best = next(line for line in ended.out.splitlines() if "succeeded" in line)
    assert best.split()[1] == tuning.plan.trials[3].label.split()[0]
    assert "+50.0 %" in best
    assert "llama-server --parallel 3" in ended.out
    assert ended.out.count("missing") == 5


def test_results_find_a_run_by_its_task_file_and_as_json(
    airtune: Command, tuning: Tuning, local_task: Path
) -> None:
    tuning.record(0, 40.0)
    document = json.loads(airtune("results", local_task, "--json").out)
    assert document["study"] == tuning.plan.study
    assert document["run_id"] == RUN
    states = [trial["state"] for trial in document["trials"]]
    assert sorted(states) == ["missing"] * 6 + ["succeeded"]


def test_results_read_a_results_file(
    airtune: Command, tuning: Tuning, local_task: Path, tmp_path: Path
) -> None:
    tuning.record(0, 40.0)
    file = tmp_path / "saved.json"
    file.write_text(airtune("results", local_task, "--json").out)
    assert RUN in airtune("results", file).out


def test_a_file_of_another_version_is_refused_with_a_fix(airtune: Command, home: Path) -> None:
    file = home / "old.json"
    file.write_text('{"schema_version": 99}')
    ended = airtune("results", file)
    assert ended.code == 2
    assert "name the task instead" in ended.err


def test_reap_ends_the_server_of_a_dead_owner_and_frees_its_device(
    airtune: Command, tuning: Tuning, login: FakeAirflow
) -> None:
    login.runs["manual__1"] = "failed"
    with tuning.hold(0) as server:
        ended = airtune("reap", "--url", login.url)
        assert server.wait(5) != 0
    assert ended.code == 0
    assert "reclaimed cpu1" in ended.out
    assert tuning.store.holders() == []


def test_reap_leaves_a_living_owner_alone(
    airtune: Command, tuning: Tuning, login: FakeAirflow
) -> None:
    login.runs["manual__1"] = "running"
    login.moments = [{("slot.benchmark", 0): "running"}]
    with tuning.hold(0) as server:
        ended = airtune("reap", "--url", login.url, "--force")
        assert ended.code == 0
        assert process_of(server.pid)
        assert len(tuning.store.holders()) == 1
        server.kill()


def test_reap_without_airflow_needs_force(airtune: Command, tuning: Tuning) -> None:
    with tuning.hold(0) as server:
        refused = airtune("reap")
        assert refused.code == 1
        assert len(tuning.store.holders()) == 1
        forced = airtune("reap", "--force")
        assert server.wait(5) != 0
    assert forced.code == 0
    assert tuning.store.holders() == []


def test_an_interrupted_run_leaves_no_server_lease_or_open_run(tuning: Tuning) -> None:
    with tuning.hold(0) as server:
        remove_leftovers(tuning.settings, RUN)
        assert server.wait(5) != 0
    assert tuning.store.holders() == []
    assert tuning.store.unfinished_runs(tuning.plan.study) == []


def test_removing_leftovers_touches_no_other_run(tuning: Tuning) -> None:
    with tuning.hold(0) as server:
        remove_leftovers(tuning.settings, "autotune_local/another")
        assert process_of(server.pid)
        assert len(tuning.store.holders()) == 1
        server.kill()
