"""Which way a task's load points are measured in."""

import pytest
from tests.benchmark.samples import a_task

from airtune.settings import DockerHost
from airtune.task.client_way import resolved_client

REMOTE = DockerHost(name="gpu7", url="tcp://gpu7:2376")


@pytest.mark.parametrize(
    ("client", "host", "way"),
    [
        (None, DockerHost(), "cli"),
        (None, REMOTE, "container"),
        ("cli", REMOTE, "cli"),
        ("container", DockerHost(), "container"),
    ],
)
def test_the_task_decides_and_else_where_the_engine_is(
    client: str | None, host: DockerHost, way: str
) -> None:
    task = a_task(client=client).model_copy(update={"launcher": "docker"})
    assert resolved_client(task, host) == way


def test_only_docker_has_a_client_in_a_container() -> None:
    assert resolved_client(a_task(), REMOTE) == "cli"
