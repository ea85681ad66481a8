"""Which of the two ways of running genai-bench a task's load points are measured in."""

from typing import Literal

from airtune.settings import DockerHost
from airtune.task.task import Task

ClientWay = Literal["cli", "container"]


def resolved_client(task: Task, host: DockerHost | None = None) -> ClientWay:
    """``cli``: on the worker; ``container``: on the engine's host, beside the server.

    The ways differ by what lies between client and server, so figures of one are never compared
    with the other's: this is part of the workload's identity.

    Args:
        host: the Docker Engine of the run; not looked at for other launchers.
    """
    if task.launcher != "docker":
        return "cli"
    if task.benchmark.client is not None:
        return task.benchmark.client
    return "container" if host is not None and host.remote else "cli"
