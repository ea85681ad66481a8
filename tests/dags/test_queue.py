"""A Docker host's DAG is bound to the queue of the workers on that host."""

import json

import pytest

from airtune.errors import SettingsError
from airtune.operators.deploy import Deploy
from airtune.operators.graph import LauncherTasks, autotune
from airtune.operators.pool import queue_of
from airtune.operators.teardown import Teardown
from airtune.settings import Settings

HOSTS = {
    "gpu7": {"url": "tcp://gpu7:2376", "devices": "gpu0..7", "queue": "gpu7"},
    "gpu8": {"url": "tcp://gpu8:2376", "devices": "gpu0"},
}


@pytest.fixture(autouse=True)
def hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRTUNE_DOCKER_HOSTS", json.dumps(HOSTS))


def _queues(launcher: str) -> set[str]:
    dag = autotune(LauncherTasks(launcher, Deploy, Teardown, "there", "docker_llamacpp.json"))
    return {task.queue for task in dag.tasks}


def test_every_task_of_a_hosts_dag_is_for_that_hosts_workers() -> None:
    assert _queues("docker/gpu7") == {"gpu7"}


@pytest.mark.parametrize("launcher", ["local", "docker", "docker/gpu8"])
def test_without_a_queue_tasks_go_to_airflows_default(launcher: str) -> None:
    assert _queues(launcher) == {"default"}


def test_a_host_that_is_not_known_has_no_queue() -> None:
    with pytest.raises(SettingsError, match="names no engine 'gpu9'"):
        queue_of("docker/gpu9", Settings.load())
