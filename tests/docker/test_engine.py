"""The tests' own Docker Engine: it comes back, it ends, and the host is as it was."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from docker import APIClient

from airtune.testing.docker_disposable import Disposable
from airtune.testing.docker_engine import DockerEngine, docker_engine, start
from airtune.testing.docker_images import connected

pytestmark = [pytest.mark.docker, pytest.mark.disposable]

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def _host() -> str:
    """The host's firewall, links and mounts."""
    words = (["iptables", "-S"], ["iptables", "-t", "nat", "-S"], ["ip", "-br", "link"])
    texts = [subprocess.run(w, capture_output=True, text=True, check=True).stdout for w in words]
    return "\n".join([*texts, Path("/proc/self/mountinfo").read_text()])


def _of_others(host: str) -> tuple[list[str], bool, str]:
    """What an engine could spoil for others: the firewall's policy, docker0, forwarding."""
    policies = [line for line in host.splitlines() if line.startswith("-P")]
    return policies, "docker0 " in host, FORWARD.read_text()


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerEngine]:
    """An engine beside the session's, with a cache of its own."""
    monkeypatch.setenv("AIRTUNE_TEST_CACHE", str(tmp_path / "cache"))
    with docker_engine() as engine:
        yield engine


def test_an_engine_leaves_the_host_and_the_engine_beside_it_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker_client: APIClient
) -> None:
    monkeypatch.setenv("AIRTUNE_TEST_CACHE", str(tmp_path / "cache"))
    before = _of_others(_host())
    with docker_engine() as engine:
        with connected(engine.url) as client:
            client.create_network("left")
            client.create_volume("left")
        assert engine.place.name in _host()
        engine.restart()
    after = _host()
    assert engine.place.name not in after
    assert str(tmp_path) not in after
    assert _of_others(after) == before
    assert not engine.place.run.exists()
    assert not [p for p in psutil.process_iter() if engine.place.name in " ".join(_words(p))]
    assert docker_client.ping()


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_what_a_session_left_is_gone_in_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRTUNE_TEST_CACHE", str(tmp_path / "cache"))
    with docker_engine() as first, connected(first.url) as client:
        client.create_volume("left")
        client.create_network("left")
        first.kill()  # so that its end cannot empty it
    with docker_engine() as engine, connected(engine.url) as client:
        assert not client.volumes()["Volumes"]
        assert {one["Name"] for one in client.networks()} == {"bridge", "host", "none"}


def test_two_sessions_do_not_share_an_engine(second: DockerEngine) -> None:
    with pytest.raises(RuntimeError, match="Another test session uses the engine"):
        start()
    assert Disposable(second.url).answers()


def test_an_engine_dies_with_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRTUNE_TEST_CACHE", str(tmp_path / "cache"))
    words = [sys.executable, "-m", "airtune.testing.docker_engine"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout is not None
        url = session.stdout.readline().partition("=")[2].strip()
        engine = Disposable(url)
        assert engine.answers()
        session.kill()
    deadline = time.monotonic() + 30
    while engine.answers():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with docker_engine() as again:  # and what it left is no hindrance
        assert again.url == url


def test_a_killed_engine_stays_down_until_it_is_restarted_and_knows_its_containers(
    disposable_engine: Disposable, docker_client: APIClient, images: Callable[[str], str]
) -> None:
    made = docker_client.create_container(images("airtune-test/fake-sglang"))
    try:
        docker_client.start(made["Id"])
        disposable_engine.kill()
        time.sleep(0.5)
        assert not disposable_engine.answers()
        disposable_engine.restart()
        assert not docker_client.inspect_container(made["Id"])["State"]["Running"]
    finally:
        docker_client.remove_container(made["Id"], force=True)
