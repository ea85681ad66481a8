"""What can be wrong between the fields of a task that are right by themselves."""

from collections.abc import Iterator

from airtune.errors import Problem
from airtune.task.client_fields import client_problems
from airtune.task.docker_fields import container_problems, image_problems
from airtune.task.engine_config import settings, variants
from airtune.task.kubernetes_fields import kubernetes_problems
from airtune.task.model_fields import model_problems
from airtune.task.names import ENGINES, engine_name
from airtune.task.ome_fields import ome_problems
from airtune.task.parameters import Range
from airtune.task.task import Task

_CLIENT_FIXED_S = 9
"""Seconds that the client needs for a load point before and after its requests (measured)."""


def check(task: Task) -> list[Problem]:
    """Every contradiction in the task; empty when there is none."""
    return [
        *_runtime(task),
        *image_problems(task),
        *_model(task),
        *model_problems(task),
        *container_problems(task),
        *kubernetes_problems(task),
        *ome_problems(task),
        *client_problems(task),
        *_space(task),
        *_configs(task),
        *_time(task),
    ]


def _runtime(task: Task) -> Iterator[Problem]:
    runtime = engine_name(task.base_runtime)
    if runtime in ENGINES and runtime != task.engine:
        yield Problem(
            "engine",
            task.engine,
            f"contradicts base_runtime {task.base_runtime!r}.",
            "Keep one of them.",
        )
    elif runtime is not None and runtime not in ENGINES and task.launcher != "ome":
        yield Problem(
            "base_runtime",
            runtime,
            f"is no engine, and only ome has serving runtimes (this task is for {task.launcher}).",
            f'Write "{task.engine}", or "deployment_mode": "ome".',
        )


def _model(task: Task) -> Iterator[Problem]:
    if task.launcher == "local" and task.engine == "llama_cpp" and not task.model.path:
        yield Problem(
            "model.path",
            None,
            "is missing: llama.cpp is started with a GGUF file of this host.",
            'Write for example "path": "var/models/SmolLM2-135M-Instruct.Q4_1.gguf".',
        )


def _space(task: Task) -> Iterator[Problem]:
    configured = settings(task.quant_config) * settings(task.parallel_config)
    if not task.parameters and not task.linked and configured == 1:
        yield Problem(
            "parameters",
            None,
            "names nothing to search.",
            'Write for example {"mem-fraction-static": [0.8, 0.9]}.',
        )
    if task.optimization.strategy == "random":
        if task.optimization.max_iterations is None:
            yield Problem(
                "optimization.max_iterations",
                None,
                "is missing: random needs to know how many to draw.",
                'Write for example "max_iterations": 20.',
            )
        return
    for name, parameter in task.parameters.items():
        if isinstance(parameter, Range) and not parameter.integer and parameter.step is None:
            step = float(f"{(parameter.high - parameter.low) / 4:.3g}")
            yield Problem(
                f"parameters.{name}",
                {"low": parameter.low, "high": parameter.high},
                "is continuous, so a grid over it has no end.",
                f'Add "step": {step}, write a list of values, or use "strategy": "random".',
            )


def _configs(task: Task) -> Iterator[Problem]:
    from airtune.engines import parallelism, quantisation

    for field, module in (("quant_config", quantisation), ("parallel_config", parallelism)):
        refused: dict[str, Problem] = {}
        for variant in variants(getattr(task, field)):
            try:
                module.arguments(task.engine, variant)
            except ValueError as error:
                refused.setdefault(str(error), Problem(field, variant, "is refused:", str(error)))
        yield from refused.values()


def _time(task: Task) -> Iterator[Problem]:
    limit = task.optimization.timeout_per_iteration
    needed = _CLIENT_FIXED_S * len(task.load_points)
    if limit is not None and limit < needed:
        yield Problem(
            "optimization.timeout_per_iteration",
            limit,
            f"cannot be kept: {len(task.load_points)} load points cost the client {needed} s "
            "even without requests.",
            f"Write more than {needed} seconds, or fewer load points.",
        )
