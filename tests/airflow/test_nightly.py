"""Sweeps run by their schedule under the real scheduler; the reaper cleans up after dead runs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.operators.sinks import Hook, webhook

from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord, kill
from airtune.study.reap import RUN_ENDED
from airtune.testing.airflow_api import AirflowApi
from airtune.testing.fake_task import fake_task

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]

EVERY_MINUTE = "* * * * *"
RULES = [
    {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1, "seconds": 0.5},
    {"seconds": 0.5},
]


@dataclass
class Sweep:
    """One file in the sweep folder and its DAG."""

    site: Any
    name: str
    api: AirflowApi

    def concluded(self) -> list[dict[str, Any]]:
        """Runs that have ended and were not skipped, oldest first."""
        over = [run for run in self.api.runs() if run["state"] in RUN_ENDED]
        return [run for run in over if self.state(run, "plan") != "skipped"]

    def skipped(self) -> list[dict[str, Any]]:
        over = [run for run in self.api.runs() if run["state"] in RUN_ENDED]
        return [run for run in over if self.state(run, "plan") == "skipped"]

    def state(self, run: dict[str, Any], task_id: str) -> str | None:
        task = self.api.task(run["dag_run_id"], task_id)
        return task["state"] if task else None

    def roles(self, run: dict[str, Any]) -> dict[str, str]:
        """Label → role of what a run has measured."""
        with self.site.store() as store:
            trials = store.trials(run=f"{self.api.dag_id}/{run['dag_run_id']}")
        return {trial.label: trial.role.value for trial in trials}

    def end(self) -> None:
        """No run goes on and none comes any more."""

        def going() -> list[str]:
            runs = self.api.runs()
            return [run["dag_run_id"] for run in runs if run["state"] not in RUN_ENDED]

        def quiet() -> bool:
            for run_id in going():
                self.api.mark_run(run_id, "failed")
                self.api.wait(run_id)
            self.api.pause()
            if not going():
                return True
            self.api.pause(False)  # one has begun meanwhile, and would never end
            return False

        self.api.until(quiet, 300, f"{self.name} to be quiet")
        (self.site.settings.sweep_dir / f"{self.name}.json").unlink(missing_ok=True)
        self.api.close()


@pytest.fixture(scope="module")
def hook(site: Any) -> Iterator[Hook]:
    with webhook() as found:
        site.api.connect("night_hook", "http", f"http://127.0.0.1:{found.port}/night")
        yield found


@pytest.fixture(scope="module")
def sweep(site: Any, hook: Hook) -> Iterator[Callable[..., Sweep]]:
    """``sweep(name, content)``: a file in the sweep folder, once its DAG is there."""
    made: list[Sweep] = []
    site.settings.sweep_dir.mkdir(exist_ok=True)

    def make(name: str, content: dict[str, Any] | str) -> Sweep:
        text = content if isinstance(content, str) else json.dumps(content)
        (site.settings.sweep_dir / f"{name}.json").write_text(text)
        made.append(Sweep(site, name, site.api.of(f"sweep__{name}")))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture(scope="module")
def folder(sweep: Callable[..., Sweep]) -> dict[str, Sweep]:
    """Four files at once, so that all are found by one look of the DAG processor."""
    told = [{"webhook": {"connection": "night_hook"}}]
    every_minute = {"schedule": EVERY_MINUTE, "rules": RULES, "notify": told}
    seeds = {"random_seed": [1, 2, 3]}
    long = [{"seconds": 70.0}]
    found = {
        "broken": sweep("broken", '{"task_name": "broken", '),
        "night": sweep("night", fake_task("night", parameters=seeds, **every_minute)),
        "late": sweep(
            "late",
            fake_task(
                "late",
                parameters={"random_seed": [1]},
                rules=long,
                schedule=EVERY_MINUTE,
                notify=[told[0] | {"on": "always"}],
            ),
        ),
        "by-hand": sweep(
            "by-hand",
            fake_task(
                "by-hand", parameters={"random_seed": [1, 2]}, rules=RULES, schedule="@yearly"
            ),
        ),
    }
    for one in found.values():
        one.api.until(one.api.dag, 120, f"the DAG of {one.name}")
    return found


def test_a_broken_file_is_a_dag_of_its_own_that_tells_and_raises_its_error(
    folder: dict[str, Sweep],
) -> None:
    api = folder["broken"].api
    dag = api.dag()
    assert dag is not None
    assert {tag["name"] for tag in dag["tags"]} == {"airtune", "sweep", "broken"}
    assert "is no JSON" in dag["doc_md"]
    assert dag["timetable_summary"] is None
    api.trigger({}, "broken-1")
    assert api.wait("broken-1") == "failed"
    assert "is no JSON" in api.log("broken-1", "plan")


def test_a_run_by_hand_measures_what_a_night_measures(folder: dict[str, Sweep]) -> None:
    by_hand = folder["by-hand"]
    for number in (1, 2):
        by_hand.api.trigger({}, f"by-hand-{number}")
        assert by_hand.api.wait(f"by-hand-{number}") == "success"
    roles = by_hand.roles({"dag_run_id": "by-hand-2"})
    assert roles == {"baseline": "baseline", "random_seed=1": "finalist"}


def test_the_reaper_takes_back_what_a_dead_run_holds_and_tells_of_broken_sweeps(
    site: Any, folder: dict[str, Sweep]
) -> None:
    run = "autotune_local/died-long-ago"
    process, server = _leave(site, run)
    reaper = site.api.of("airtune_reaper")
    try:
        reaper.trigger({}, "reap-1")
        assert reaper.wait("reap-1") == "failed", "because of the broken file"
        assert reaper.task("reap-1", "reap")["state"] == "success"
        assert reaper.task("reap-1", "broken_sweeps")["state"] == "failed"
        assert "broken.json" in reaper.log("reap-1", "broken_sweeps")
        with site.store() as store:
            assert run not in {lease.run for lease in store.holders()}
        assert not server.alive
        (site.settings.sweep_dir / "broken.json").unlink()
        reaper.trigger({}, "reap-2")
        assert reaper.wait("reap-2") == "success"
    finally:
        kill(server, grace_s=0.5)
        process.wait(10)
        reaper.close()


@pytest.fixture(scope="module")
def nights(folder: dict[str, Sweep]) -> list[dict[str, Any]]:
    """Two nights that were not skipped, a minute each."""
    night = folder["night"]
    night.api.until(lambda: len(night.concluded()) >= 2, 420, "two nights")
    return night.concluded()


def test_a_sweep_runs_by_its_schedule_and_the_second_night_measures_baseline_and_winner_anew(
    folder: dict[str, Sweep], nights: list[dict[str, Any]]
) -> None:
    first, second = nights[:2]
    assert {run["run_type"] for run in (first, second)} == {"scheduled"}
    assert {run["state"] for run in (first, second)} == {"success"}
    night = folder["night"]
    assert night.roles(first) == {
        "baseline": "baseline",
        "random_seed=1": "search",
        "random_seed=2": "search",
        "random_seed=3": "search",
    }
    assert night.roles(second) == {"baseline": "baseline", "random_seed=1": "finalist"}
    result = night.api.result(second["dag_run_id"])
    assert (result["measured"], result["reused"]) == (2, 2)
    assert result["best"] == "random_seed=1"


def test_each_verdict_is_an_asset_event_that_says_whether_it_has_changed(
    folder: dict[str, Sweep], nights: list[dict[str, Any]]
) -> None:
    first, second = folder["night"].api.asset_events()[:2]
    assert first["source_run_id"] == nights[0]["dag_run_id"]
    assert first["uri"] == "airtune://verdict/night"
    assert [event["extra"]["changed"] for event in (first, second)] == [True, False]
    assert first["extra"]["winner"] == {"random_seed": 1}
    assert first["extra"]["gain_pct"] > 0
    assert "random_seed=1" in first["extra"]["statement"]


def test_receivers_are_told_of_the_changed_verdict_only(
    folder: dict[str, Sweep], nights: list[dict[str, Any]], hook: Hook
) -> None:
    night = folder["night"]
    assert [night.state(run, "notify") for run in nights[:2]] == ["success", "skipped"]
    told = [posted for _, posted in hook.posted if posted["task_name"] == "night"]
    assert [posted["run_id"] for posted in told] == [nights[0]["dag_run_id"]]


def test_a_night_that_had_to_wait_for_the_one_before_it_is_skipped_as_a_whole(
    folder: dict[str, Sweep], hook: Hook
) -> None:
    late = folder["late"]
    late.api.until(late.skipped, 420, "a skipped night")
    skipped = late.skipped()[0]
    run = skipped["dag_run_id"]
    states = {one["task_id"]: one["state"] for one in late.api.tasks(run)}
    assert set(states.values()) == {"skipped"}, states
    assert "it is skipped, the next one is not" in late.api.log(run, "plan")
    told = {posted["run_id"] for _, posted in hook.posted if posted["task_name"] == "late"}
    assert run not in told
    assert told, "the night before it was told, as always"


def _leave(site: Any, run: str) -> "tuple[subprocess.Popen[bytes], ProcessRecord]":
    """A run that Airflow does not know: slot 0 holds a device, slot 1 only has a server."""
    with site.store() as store:
        store.open_run(run, "died-1", "died", "local", {}, [])
        for slot in (0, 1):
            attempt = store.claim(run, slot, "deploy", 0).attempt
        store.try_lease(run, 0, 1, 1, ["ghost0"], 0)
    place = Place.of(site.settings.run_dir, run, 1, attempt)
    files = ["--record", str(place.record("server")), "--gate", str(place.gate), "--session"]
    words = [sys.executable, "-m", "airtune.processes.entry", *files, "--", "sleep", "600"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    record = site.api.until(lambda: ProcessRecord.read(place.record("server")), 10, "a record")
    return process, record
