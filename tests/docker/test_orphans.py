"""Containers and networks that dead runs have left, on a real engine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from docker import APIClient

from airtune.launchers.docker import names
from airtune.launchers.docker.connect import connect
from airtune.settings import DockerHost, Settings
from airtune.study.orphans import reap_orphans
from airtune.study.store import Store

pytestmark = pytest.mark.docker

IMAGE = "airtune-test/fake-sglang:latest"


@pytest.fixture(scope="module")
def client(docker_host: str, images: Callable[[str], str]) -> Iterator[APIClient]:
    images(IMAGE)
    with connect(DockerHost(url=docker_host)) as connected:
        yield connected


@pytest.fixture
def settings(tmp_path: Path, docker_host: str) -> Settings:
    return Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": uuid4().hex[:8],
            "AIRTUNE_DOCKER_HOST": docker_host,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.open_run("dag/run", "s-1", "s", "docker", {}, [])
        yield store


@pytest.fixture
def start(client: APIClient, settings: Settings) -> Iterator[Callable[..., str]]:
    """Starts a container with a slot's labels, of our installation unless told; returns its id."""
    made: list[str] = []

    def make(run: str, slot: int, installation: str = "") -> str:
        own = installation or settings.installation
        labels = names.labels_of(own, run, slot, 1, "server")
        name = names.object_name(own, run, slot, "server")
        options = {"entrypoint": ["sleep"], "command": ["600"]}
        made.append(client.create_container(IMAGE, name=name, labels=labels, **options)["Id"])
        client.start(made[-1])
        return made[-1]

    yield make
    for one in client.containers(all=True, quiet=True):
        if one["Id"] in made:
            client.remove_container(one["Id"], force=True)


def _running(client: APIClient) -> set[str]:
    return {one["Id"] for one in client.containers()}


def _dead_but(alive: int) -> Any:
    return lambda run, slot: "alive" if slot == alive else "dead"


def test_dead_slots_lose_their_containers_and_nobody_else_does(
    client: APIClient, settings: Settings, store: Store, start: Callable[..., str]
) -> None:
    dead, living = start("dag/run", 0), start("dag/run", 1)
    forgotten = start("dag/of-a-lost-store", 0)
    foreign = start("dag/run", 0, installation=uuid4().hex[:8])
    network = names.object_name(settings.installation, "dag/run", 0, "network")
    labels = names.labels_of(settings.installation, "dag/run", 0, 1, "network")
    client.create_network(network, labels=labels)
    found = reap_orphans(store, settings, _dead_but(1))
    assert [one.removed for one in found] == [True, True]
    assert {dead, forgotten}.isdisjoint(_running(client))
    assert {living, foreign} <= _running(client)
    assert client.networks(names=[network]) == []
    assert reap_orphans(store, settings, _dead_but(1)) == []
