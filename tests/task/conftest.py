"""Task data to change and read."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from airtune.errors import Problem, TaskError
from airtune.task import read_task

SEED: dict[str, Any] = {
    "task_name": "docker-simple-tune",
    "description": "two parameters",
    "deployment_mode": "docker",
    "model": {"name": "llama-3-2-1b-instruct", "namespace": "autotuner"},
    "base_runtime": "sglang",
    "parameters": {
        "tp_size": {"type": "choice", "values": [1, 2]},
        "mem_frac": {"type": "choice", "values": [0.7, 0.8]},
    },
    "optimization": {
        "strategy": "grid_search",
        "objective": "minimize_latency",
        "max_iterations": 4,
        "timeout_per_iteration": 600,
    },
    "benchmark": {
        "task": "text-to-text",
        "model_name": "llama",
        "model_tokenizer": "meta-llama/Llama-3.2-1B-Instruct",
        "traffic_scenarios": ["D(100,100)"],
        "num_concurrency": [1, 4],
        "max_time_per_iteration": 10,
        "max_requests_per_iteration": 50,
        "additional_params": {"temperature": 0.0},
    },
}
REMOVE = object()
Make = Callable[[dict[str, Any]], dict[str, Any]]


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """The seed's Docker task with values at dotted paths replaced, added or removed."""
    data = copy.deepcopy(SEED)
    for path, value in changes.items():
        *above, last = path.split("/")
        target = data
        for part in above:
            target = target.setdefault(part, {})
        if value is REMOVE:
            del target[last]
        else:
            target[last] = value
    return data


@pytest.fixture
def make() -> Make:
    """``make({"benchmark/model_name": "x"})``: the seed's task, changed."""
    return changed


@pytest.fixture
def without() -> object:
    """Value that removes a key in ``make``."""
    return REMOVE


@pytest.fixture
def refusal() -> Callable[[dict[str, Any]], list[Problem]]:
    """The problems of the seed's task with these changes; it must be refused."""

    def refuse(changes: dict[str, Any]) -> list[Problem]:
        with pytest.raises(TaskError) as caught:
            read_task(changed(changes))
        return list(caught.value.problems)

    return refuse
