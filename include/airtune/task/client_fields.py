"""``benchmark.client``: which ways of running genai-bench each launcher has."""

from collections.abc import Iterator

from airtune.errors import Problem
from airtune.task.task import Task

_WAYS = {
    "docker": ("cli", "container"),
    "kubernetes": ("cli", "container"),
    "ome": ("cli", "container", "benchmark_job"),
}


def client_problems(task: Task) -> Iterator[Problem]:
    """What is wrong with the way that the task asks for."""
    way, ways = task.benchmark.client, _WAYS.get(task.launcher)
    if way is None:
        return
    if ways is None:
        yield Problem(
            "benchmark.client",
            way,
            f"is for Docker, Kubernetes and OME, and this task is for {task.launcher}.",
            "Remove it: genai-bench runs on the worker.",
        )
    elif way not in ways:
        yield Problem(
            "benchmark.client",
            way,
            f"is OME's, and this task is for {task.launcher}.",
            f'Write "{ways[1]}" or "{ways[0]}", or "deployment_mode": "ome".',
        )
    elif way == "benchmark_job":
        yield from _benchmark_job(task)


def _benchmark_job(task: Task) -> Iterator[Problem]:
    """What OME's BenchmarkJob needs, and what it never hands on to genai-bench."""
    if task.ome.output_claim is None:
        yield Problem(
            "ome.output_claim",
            None,
            "is missing: a BenchmarkJob writes its results to a PVC of the namespace.",
            'Write for example "ome": {"output_claim": {"claim": "benchmark-results"}}.',
        )
    if task.benchmark.additional_params:
        yield Problem(
            "benchmark.additional_params",
            task.benchmark.additional_params,
            "cannot be kept: OME never passes a BenchmarkJob's additionalRequestParams on to "
            "genai-bench, so something else would be measured.",
            'Remove it, or write "client": "container".',
        )
