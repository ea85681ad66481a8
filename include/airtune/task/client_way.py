"""Which of the ways of running genai-bench a task's load points are measured in."""

from typing import Literal

from airtune.settings import DockerHost
from airtune.task.task import Task

ClientWay = Literal["cli", "container", "benchmark_job"]


def resolved_client(task: Task, host: DockerHost | None = None) -> ClientWay:
    """``cli``: on the worker; ``container``: beside the server; ``benchmark_job``: by OME.

    The ways differ by what lies between client and server, so figures of one are never compared
    with the other's: this is part of the workload's identity.

    Args:
        host: the Docker Engine of the run; not looked at for other launchers.
    """
    if task.launcher in {"local", "endpoint"}:
        return "cli"
    if task.benchmark.client is not None:
        return task.benchmark.client
    if task.launcher in {"kubernetes", "ome"}:
        return "container"
    return "container" if host is not None and host.remote else "cli"
