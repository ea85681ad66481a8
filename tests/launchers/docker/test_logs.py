from pathlib import Path

import pytest

from airtune.launchers.docker.logs import Follower, output, save
from airtune.launchers.set_aside import set_aside
from airtune.testing.fake_docker import FakeDocker
from airtune.testing.fake_docker_container import FakeContainer


@pytest.fixture
def container(engine: FakeDocker) -> FakeContainer:
    return engine.made[engine.create_container("x")["Id"]]


def test_a_follower_hands_every_line_on_once(
    engine: FakeDocker, container: FakeContainer, tmp_path: Path
) -> None:
    heard: list[str] = []
    follower = Follower(engine, container.id, tmp_path / "a" / "log", heard.append)
    assert follower.look() == 0
    container.write("one\ntwo")
    follower.look()
    follower.look()
    container.write("three")
    assert follower.look() == 1
    assert heard == ["one", "two", "three"]
    assert (tmp_path / "a" / "log").read_text() == "one\ntwo\nthree\n"


def test_a_second_follower_repeats_nothing_in_the_file(
    engine: FakeDocker, container: FakeContainer, tmp_path: Path
) -> None:
    container.write("one")
    for _ in range(2):
        Follower(engine, container.id, tmp_path / "log", lambda text: None).look()
    assert (tmp_path / "log").read_text() == "one\n"


def test_a_flood_is_said_in_a_few_lines_and_written_whole(
    engine: FakeDocker, container: FakeContainer, tmp_path: Path
) -> None:
    heard: list[str] = []
    container.write("\n".join(str(i) for i in range(1000)))
    Follower(engine, container.id, tmp_path / "log", heard.append).look()
    assert len(heard) == 21
    assert "980 more lines" in heard[-1]
    assert len((tmp_path / "log").read_text().splitlines()) == 1000


def test_what_is_saved_is_the_whole_output_and_replaces_what_was_there(
    engine: FakeDocker, container: FakeContainer, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text("of an earlier look")
    container.write("all\nof it")
    save(engine, container.id, tmp_path / "log")
    assert (tmp_path / "log").read_text() == "all\nof it\n"
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_container_that_is_gone_has_no_output_and_keeps_the_file(
    engine: FakeDocker, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text("kept")
    save(engine, "none", tmp_path / "log")
    assert (tmp_path / "log").read_text() == "kept"
    assert output(engine, "none") == ""
    assert Follower(engine, "none", tmp_path / "log", lambda text: None).look() == 0


def test_another_start_keeps_the_log_of_the_one_before(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    set_aside(log, 1)
    log.write_text("crashed\n")
    set_aside(log, 3)
    assert not log.exists()
    assert (tmp_path / "server-before-3.log").read_text() == "crashed\n"
