from pathlib import Path
from typing import Any

import pytest
from tests.launchers.kubernetes.recordings import PODS, recorded

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.logs import Follower, output, save, tail
from airtune.testing.fake_cluster import FakeCluster

POD = "running"


class Written(FakeCluster):
    """A cluster with one pod, whose lines have time stamps: one a second."""

    def __init__(self) -> None:
        super().__init__("models")
        self.lines: list[str] = []
        self.previous: str | None = None
        recorded(POD).put_into(self)

    def text(self, path: str, **query: str) -> str:
        super().text(path, **query)
        if "previous" in query:
            if self.previous is None:
                raise ApiRefused(400, "BadRequest", "previous terminated container not found")
            return self.previous
        if "timestamps" not in query:
            return "".join(f"{line}\n" for line in self.lines)
        stamped = [
            (f"2026-11-24T10:00:{second:02}.5Z", line) for second, line in enumerate(self.lines)
        ]
        since = query.get("sinceTime", "")
        return "".join(f"{when} {line}\n" for when, line in stamped if when >= since)

    def restarted(self, times: int = 1) -> None:
        self.change(f"{PODS}/{POD}", status={"containerStatuses": [_container(times)]})


def _container(restarts: int) -> dict[str, Any]:
    ended = {"exitCode": 3, "reason": "Error"}
    return {
        "name": "server",
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }


@pytest.fixture
def cluster() -> Written:
    return Written()


def _follower(cluster: Written, path: Path, heard: list[str]) -> Follower:
    return Follower(cluster, "models", "server", path, heard.append, every_s=0.0)


def test_a_follower_hands_every_line_on_once(cluster: Written, tmp_path: Path) -> None:
    heard: list[str] = []
    follower = _follower(cluster, tmp_path / "a" / "log", heard)
    assert follower.look(POD) == 0
    cluster.lines += ["one", "two"]
    follower.look(POD)
    follower.look(POD)
    cluster.lines.append("three")
    assert follower.look(POD) == 1
    assert heard == ["one", "two", "three"]
    assert (tmp_path / "a" / "log").read_text() == "one\ntwo\nthree\n"


def test_it_asks_for_what_is_new_only(cluster: Written, tmp_path: Path) -> None:
    asked: list[dict[str, str]] = []
    told = cluster.text
    cluster.text = lambda path, **query: (asked.append(query), told(path, **query))[1]  # type: ignore[method-assign]
    follower = _follower(cluster, tmp_path / "log", [])
    cluster.lines += ["one", "two"]
    follower.look(POD)
    follower.look(POD)
    assert [query.get("sinceTime") for query in asked] == [None, "2026-11-24T10:00:01Z"]


def test_a_second_follower_repeats_nothing_in_the_file(cluster: Written, tmp_path: Path) -> None:
    cluster.lines.append("one")
    for _ in range(2):
        _follower(cluster, tmp_path / "log", []).look(POD)
    assert (tmp_path / "log").read_text() == "one\n"


def test_between_two_looks_it_waits_unless_it_is_the_last(cluster: Written, tmp_path: Path) -> None:
    follower = Follower(cluster, "models", "server", tmp_path / "log", print, every_s=60.0)
    follower.look(POD)
    cluster.lines.append("one")
    assert follower.look(POD) == 0
    assert follower.look(POD, now=True) == 1


def test_a_flood_is_said_in_a_few_lines_and_written_whole(cluster: Written, tmp_path: Path) -> None:
    heard: list[str] = []
    cluster.lines += [str(i) for i in range(50)]
    _follower(cluster, tmp_path / "log", heard).look(POD)
    assert len(heard) == 21
    assert "30 more lines" in heard[-1]
    assert len((tmp_path / "log").read_text().splitlines()) == 50


def test_another_pod_is_followed_from_its_start(cluster: Written, tmp_path: Path) -> None:
    cluster.add(PODS, recorded("exit-3").pod)
    follower = _follower(cluster, tmp_path / "log", [])
    cluster.lines.append("one")
    follower.look(POD)
    assert follower.look("exit-3") == 1


def test_what_is_saved_is_the_whole_output_and_replaces_what_was_there(
    cluster: Written, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text("of an earlier look")
    cluster.lines += ["all", "of it"]
    save(cluster, "models", POD, "server", tmp_path / "log")
    assert (tmp_path / "log").read_text() == "all\nof it\n"
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_what_a_restarted_container_wrote_before_comes_first(
    cluster: Written, tmp_path: Path
) -> None:
    cluster.restarted()
    cluster.previous, cluster.lines = "before\n", ["now"]
    save(cluster, "models", POD, "server", tmp_path / "log")
    assert (tmp_path / "log").read_text() == "before\nnow\n"
    cluster.previous = None  # thrown away meanwhile
    save(cluster, "models", POD, "server", tmp_path / "log")
    assert (tmp_path / "log").read_text() == "now\n"


def test_a_crash_loops_output_is_that_of_the_container_that_crashed(cluster: Written) -> None:
    cluster.previous = "Error: bad luck\n"
    crashed = recorded("crash-loop-crashloopbackoff").state
    cluster.add(PODS, recorded("crash-loop-crashloopbackoff").pod)
    assert output(cluster, "models", crashed, "server") == "Error: bad luck\n"


def test_a_pod_that_is_gone_has_no_output_and_keeps_the_file(
    cluster: Written, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "log").write_text("kept")
    save(cluster, "models", "none", "server", tmp_path / "log")
    assert (tmp_path / "log").read_text() == "kept"
    assert tail(cluster, "models", "none", "server") == ""
    assert _follower(cluster, tmp_path / "log", []).look("none") == 0
    assert not caplog.records


def test_a_log_that_cannot_be_had_is_said_and_stops_nothing(
    cluster: Written, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.refuse = lambda method, path, body: ApiRefused(500, "", "dial tcp: no route to host")
    save(cluster, "models", POD, "server", tmp_path / "log")
    assert "no route to host" in caplog.text
