"""What is left without a lease: removed when its owner is surely dead, else left alone."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord, kill
from airtune.records import TrialState
from airtune.settings import Settings
from airtune.study.orphans import reap_orphans


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(tmp_path)})


@pytest.fixture
def server(settings) -> Iterator:
    """Starts a recorded process: ``server(run, slot, attempt)``; all are ended after the test."""
    started = []

    def start(run: str, slot: int, attempt: int) -> ProcessRecord:
        place = Place.of(settings.run_dir, run, slot, attempt)
        files = ["--record", str(place.record("server")), "--gate", str(place.gate)]
        entry = [sys.executable, "-m", "airtune.processes.entry", *files, "--session"]
        started.append(subprocess.Popen([*entry, "--", "sleep", "60"]))
        deadline = time.monotonic() + 10
        while (record := ProcessRecord.read(place.record("server"))) is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return record

    yield start
    for path in settings.run_dir.glob("*/*/*.json"):
        if record := ProcessRecord.read(path):
            kill(record, grace_s=0.5)
    for process in started:
        process.wait(5)


def _answer(liveness):
    return lambda run, slot: liveness


def test_a_dead_slots_server_is_ended_and_its_trial_closed(
    store, settings, opened_run, begin, server
):
    attempt = store.claim(opened_run, 0, "deploy", 0).attempt
    begin(opened_run, 0, attempt)
    record = server(opened_run, 0, attempt)
    (orphan,) = reap_orphans(store, settings, _answer("dead"))
    assert orphan.removed
    assert opened_run in orphan.what
    assert not record.alive
    assert store.trial(opened_run, 0).state is TrialState.FAILED
    assert store.current(opened_run, 0).attempt > attempt, "the dead owner is fenced out"
    assert reap_orphans(store, settings, _answer("dead")) == []


@pytest.mark.parametrize(("liveness", "told"), [("alive", 0), ("unknown", 1)])
def test_a_slot_that_lives_or_may_live_keeps_its_server(
    store, settings, opened_run, server, liveness, told
):
    attempt = store.claim(opened_run, 0, "deploy", 0).attempt
    record = server(opened_run, 0, attempt)
    found = reap_orphans(store, settings, _answer(liveness))
    assert [one.removed for one in found] == [False] * told
    assert record.alive
    assert store.current(opened_run, 0).attempt == attempt


def test_an_unknown_owner_is_taken_for_dead_only_by_force_and_a_living_one_never(
    store, settings, opened_run, server
):
    attempt = store.claim(opened_run, 0, "deploy", 0).attempt
    record = server(opened_run, 0, attempt)
    assert reap_orphans(store, settings, _answer("alive"), force=True) == []
    assert record.alive
    (orphan,) = reap_orphans(store, settings, _answer("unknown"), force=True)
    assert orphan.removed
    assert not record.alive


def test_a_slot_with_a_lease_is_left_to_the_reaping_of_leases(store, settings, opened_run, server):
    attempt = store.claim(opened_run, 0, "deploy", 0).attempt
    store.try_lease(opened_run, 0, attempt, 1, ["gpu0"], 0)
    record = server(opened_run, 0, attempt)
    assert reap_orphans(store, settings, _answer("dead")) == []
    assert record.alive


def test_processes_of_another_store_are_foreign(store, settings, server):
    record = server("other/run", 0, 1)
    assert reap_orphans(store, settings, _answer("dead")) == []
    assert record.alive


def test_no_docker_engine_is_asked_if_no_run_has_used_one(store, settings, opened_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "airtune.launchers.docker.connect", None)
    assert store.launchers() == {opened_run: "local"}
    assert reap_orphans(store, settings, _answer("dead")) == []


def test_an_engine_that_cannot_be_reached_is_told_and_does_not_hide_the_rest(
    store, tmp_path, opened_run, server
):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings.load(
        {"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_DOCKER_HOST": f"tcp://127.0.0.1:{port}"}
    )
    store.open_run("dag/docker", "demo-2", "demo", "docker", {}, [])
    server(opened_run, 0, store.claim(opened_run, 0, "deploy", 0).attempt)
    ended, unreachable = reap_orphans(store, settings, _answer("dead"))
    assert ended.removed
    assert not unreachable.removed
    assert f"tcp://127.0.0.1:{port}" in unreachable.reason


def test_an_engine_that_has_gone_is_no_complaint_once_its_runs_have_ended(store, tmp_path):
    missing = f"unix://{tmp_path}/none.sock"
    settings = Settings.load({"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_DOCKER_HOST": missing})
    store.open_run("dag/docker", "demo-2", "demo", "docker", {}, [])
    assert len(reap_orphans(store, settings, _answer("dead"))) == 1
    store.finish_run("dag/docker", None)
    assert reap_orphans(store, settings, _answer("dead")) == []
