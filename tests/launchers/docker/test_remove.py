import time
from pathlib import Path

import pytest
from tests.launchers.docker.orders import order

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker import remove as removing
from airtune.launchers.docker.launcher import DockerLauncher
from airtune.launchers.docker.orphans import owners, stale
from airtune.records import FailureClass
from airtune.testing.fake_docker import FakeDocker, api_error
from airtune.testing.fake_docker_container import stamp

RUN = "dag/run"


def test_afterwards_nothing_of_the_slot_is_left_and_its_log_is_saved(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    wanted = order(tmp_path)
    launcher.ensure(wanted, 5.0)
    wanted.log.unlink()
    assert launcher.remove(RUN, 0, 1) == 1
    assert (engine.made, engine.networks_made) == ({}, {})
    assert wanted.log.read_text() == "it listens\n"
    assert launcher.remove(RUN, 0, 1) == 0


def test_what_is_foreign_or_newer_or_anothers_stays(
    launcher: DockerLauncher, engine: FakeDocker
) -> None:
    stays = [
        {},
        names.labels_of("theirs", RUN, 0, 1, "server"),
        names.labels_of("ours", RUN, 0, 3, "server"),
        names.labels_of("ours", RUN, 1, 1, "server"),
        names.labels_of("ours", "dag/other", 0, 1, "server"),
        {names.INSTALLATION: "ours", names.ROLE: "prefetch"},
    ]
    kept = [engine.create_container("x", labels=labels)["Id"] for labels in stays]
    engine.create_container("x", labels=names.labels_of("ours", RUN, 0, 2, "client"))
    engine.create_network("n", labels=names.labels_of("ours", RUN, 0, 3, "network"))
    assert launcher.remove(RUN, 0, 2) == 0
    assert list(engine.made) == kept
    assert len(engine.networks_made) == 1


def test_a_removal_that_somebody_else_has_begun_is_waited_for(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.ensure(order(tmp_path), 5.0)
    engine.refusals["remove_container"] = api_error(409, "removal is already in progress")
    monkeypatch.setattr(removing, "_GONE_WITHIN_S", 0.05)
    with pytest.raises(TrialFailed, match="could not be removed") as caught:
        launcher.remove(RUN, 0, 1)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_network_that_others_use_is_named_with_its_users(
    launcher: DockerLauncher, engine: FakeDocker
) -> None:
    network = engine.create_network("n", labels=names.labels_of("ours", RUN, 0, 1, "network"))
    engine.members[network["Id"]] = ["theirs"]
    with pytest.raises(TrialFailed, match="still used by theirs"):
        launcher.remove(RUN, 0, 1)


def test_a_log_that_cannot_be_written_keeps_nothing_alive(
    launcher: DockerLauncher,
    engine: FakeDocker,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()
    launcher.ensure(order(tmp_path, log=tmp_path / "file" / "server.log"), 5.0)
    assert launcher.remove(RUN, 0, 1) == 1
    assert engine.made == {}
    assert "is lost" in caplog.text


def test_the_reaper_learns_who_has_left_something_and_what_is_stale(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    launcher.ensure(order(tmp_path, slot=2), 5.0)
    engine.create_network("n", labels=names.labels_of("ours", "dag/x", 3, 4, "network"))
    engine.create_container("x", labels=names.labels_of("theirs", RUN, 8, 1, "server"))
    fetching = {names.INSTALLATION: "ours", names.ROLE: "prefetch"}
    made = engine.create_container("x", labels=fetching)["Id"]
    assert owners(engine, "ours") == {(RUN, 2, 1), ("dag/x", 3, 4)}
    assert [one.id for one in stale(engine, "ours", -10.0)] == [made]
    assert stale(engine, "ours", 100.0) == []


def test_a_download_that_has_ended_is_stale_long_before_one_that_goes_on(
    engine: FakeDocker,
) -> None:
    fetching = {names.INSTALLATION: "ours", names.ROLE: "prefetch"}
    goes_on, ended = (engine.create_container("x", labels=fetching)["Id"] for _ in range(2))
    engine.made[goes_on].start()
    engine.made[ended].start()
    engine.made[ended].end(0)
    engine.clock = stamp(time.time() + 3600.0)
    assert [one.id for one in stale(engine, "ours", 2 * 3600.0)] == [ended]
    assert {one.id for one in stale(engine, "ours", 1800.0)} == {goes_on, ended}
