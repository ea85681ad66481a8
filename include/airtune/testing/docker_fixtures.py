"""Pytest fixtures for tests on a Docker Engine; ``tests/conftest.py`` loads them for all."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from airtune.testing.docker_disposable import Disposable
from airtune.testing.docker_images import BUILT, HOST, build, connected

if TYPE_CHECKING:
    from docker import APIClient

INSTALLATION = "airtune/installation"
_BUILD_S = 900.0
"""A test may have to build an image first: it gets so many seconds unless it says otherwise."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give Docker tests the time that a build takes."""
    for item in items:
        if item.get_closest_marker("docker") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_BUILD_S))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long the images took."""
    for one in BUILT:
        if one.fresh:
            terminalreporter.write_line(f"image {one.tag} built in {one.seconds:.0f} s")


@pytest.fixture(scope="session")
def docker_host() -> str:
    """URL of the Docker Engine for tests."""
    url = os.environ.get(HOST)
    if not url:
        pytest.fail(f"No Docker Engine: name one in {HOST}, or PROVISION=1 make test-docker.")
    return url


@pytest.fixture(scope="session")
def docker_client(docker_host: str) -> "Iterator[APIClient]":
    """A client of that engine."""
    with connected(docker_host) as client:
        yield client


@pytest.fixture(scope="session")
def images(docker_host: str) -> Callable[[str], str]:
    """Name of an image → its tag, after building it if need be."""
    return partial(build, host=docker_host)


@pytest.fixture
def disposable_engine(docker_host: str) -> Iterator[Disposable]:
    """The engine, to be killed and restarted; it runs again afterwards."""
    engine = Disposable.of_environment()
    yield engine
    if not engine.answers():
        engine.restart()


@pytest.fixture
def leftovers(docker_client: "APIClient") -> Callable[[str], list[str]]:
    """Installation → names of the containers, networks and volumes that it still has."""

    def names(installation: str) -> list[str]:
        filters = {"label": f"{INSTALLATION}={installation}"}
        containers = docker_client.containers(all=True, filters=filters)
        volumes = docker_client.volumes(filters=filters)["Volumes"] or []
        networks = docker_client.networks(filters=filters)
        found = [one["Names"][0].lstrip("/") for one in containers]
        return found + [one["Name"] for one in [*networks, *volumes]]

    return names
