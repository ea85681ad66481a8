"""A trial as the pod of a Deployment: what the Kubernetes launcher starts for the same server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airtune.engines import get_engine
from airtune.errors import Problem, TaskError
from airtune.launchers.kubernetes.pod_values import pod_values as values_of
from airtune.launchers.launcher import Order
from airtune.launchers.probe import Readiness
from airtune.records import ServerSpec
from airtune.results.docker_run import image_of
from airtune.results.export_trial import (
    Exported,
    arguments_of,
    devices_of,
    heading,
    literal,
    variables,
)
from airtune.settings import Settings
from airtune.task import Task
from airtune.task.kubernetes import KubernetesOptions

_HOST_NOTE = "The model is a folder or file of the node: every node that may run it needs it there."
_TOKEN_NOTE = "A gated model needs HF_TOKEN: name its Secret in kubernetes.hf_token_secret."  # noqa: S105


def pod_values(trial: Exported, task: Task, settings: Settings) -> dict[str, Any]:
    """Values of ``deployment.yaml.j2``.

    Raises:
        TaskError: the trial was OME's.
    """
    if task.launcher == "ome":
        _refuse_runtime(task)
    head = heading(trial, task)
    labels = {"app.kubernetes.io/name": head["name"]}
    found = values_of(_order(trial, task), settings)
    amounts = {kind: one for kind, one in found["resources"].items() if one}
    return found | head | {"labels": labels, "notes": list(_notes(task)), "resources": amounts}


def options_of(trial: Exported, task: Task) -> KubernetesOptions:
    """The task's wishes for its pods, with the GPUs and the product that the trial had."""
    options = task.kubernetes
    limits = dict(options.limits)
    if task.launcher == "docker" and task.container.memory:
        limits.setdefault("memory", _quantity(task.container.memory))
    product = options.gpu_product or trial.identity.get("gpu_product")
    found = {"gpus": _gpus(trial, task), "limits": limits, "gpu_product": product or None}
    return options.model_copy(update=found)


def _gpus(trial: Exported, task: Task) -> int:
    """As the task says, else those that the trial held."""
    if task.kubernetes.gpus is not None:
        return task.kubernetes.gpus
    held = devices_of(trial)
    if task.launcher == "docker":
        return sum(len(device.indexes) for device in held if device.kind == "gpu")
    return 0 if task.engine == "llama_cpp" else len(held)


def _order(trial: Exported, task: Task) -> Order:
    """An order for the very server that ran; nobody is going to place it."""
    engine = get_engine(task.engine)
    program, arguments = arguments_of(trial, task)
    server = ServerSpec(
        engine=engine.name,
        image=image_of(task),
        program=tuple(literal(word, task) for word in program),
        arguments=tuple(literal(word, task) for word in arguments),
        env=variables(task),
        health_path=engine.health_path,
        model_name=task.benchmark.model_name,
    )
    return Order(
        run="",
        slot=0,
        attempt=0,
        generation=0,
        server=server,
        model=task.model,
        container=task.container,
        readiness=Readiness(model_name=server.model_name),
        devices=(),
        log=Path(),
        start_limit_s=0,
        pull_limit_s=0,
        kubernetes=options_of(trial, task),
    )


def _quantity(size: str) -> str:
    """Docker's ``64g`` in Kubernetes' words."""
    number, unit = size[:-1], size[-1]
    return number if unit == "b" else f"{number}{unit.upper()}i"


def _notes(task: Task) -> Iterator[str]:
    model, options = task.model, task.kubernetes
    if options.template:
        yield f"What the task's own template {options.template} adds is not in it."
    if model.in_image:
        return
    if model.hub_id and options.hf_token_secret is None:
        yield _TOKEN_NOTE
    if not model.hub_id and options.model_claim is None:
        yield _HOST_NOTE


def _refuse_runtime(task: Task) -> None:
    reason = "gets image, environment and the model's mount from OME: a Deployment would lack them."
    fix = "Export it as an inference-service, or tune it with autotune_kubernetes."
    raise TaskError([Problem("launcher", task.launcher, reason, fix)], task.task_name)
