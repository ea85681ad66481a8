"""Fields of Kubernetes' pods: what is wrong with them, and where they mean nothing."""

import re
from collections.abc import Iterator, Mapping
from json import dumps

from airtune.errors import Problem
from airtune.task.kubernetes import KubernetesOptions
from airtune.task.quantity import amount
from airtune.task.task import Task

IN_CLUSTER = frozenset({"kubernetes", "ome"})
"""Launchers whose servers are pods."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_BYTES = ("memory", "ephemeral-storage")


def kubernetes_problems(task: Task) -> Iterator[Problem]:
    """What is wrong with a task's Kubernetes fields, for Kubernetes and OME and elsewhere."""
    if task.launcher not in IN_CLUSTER:
        if task.kubernetes != KubernetesOptions():
            yield Problem(
                "kubernetes",
                task.kubernetes.model_dump(mode="json", exclude_defaults=True),
                f"is for Kubernetes and OME, and this task is for {task.launcher}.",
                'Remove it, or write "deployment_mode": "kubernetes".',
            )
        return
    yield from _namespace(task)
    yield from _gpus(task.kubernetes, needs_gpus=task.engine != "llama_cpp")
    yield from _pods(task.kubernetes)
    yield from _token(task)
    if task.launcher == "kubernetes":
        yield from _hub_cache(task)


def _namespace(task: Task) -> Iterator[Problem]:
    if not _LABEL.fullmatch(task.model.namespace):
        yield Problem(
            "model.namespace",
            task.model.namespace,
            "is no name of a namespace: at most 63 lower case letters, digits and dashes.",
            'Write for example "autotuner".',
        )


def _gpus(options: KubernetesOptions, *, needs_gpus: bool) -> Iterator[Problem]:
    product, label = options.gpu_product, options.gpu_product_label
    none = options.gpus == 0 or (options.gpus is None and not needs_gpus)
    if product is not None and none:
        yield Problem(
            "kubernetes.gpu_product",
            product,
            "has no use: the server asks for no GPU.",
            'Remove it, or write how many in "gpus".',
        )
    if label in options.node_selector:
        yield Problem(
            f"kubernetes.node_selector.{label}",
            options.node_selector[label],
            "names the product of the GPUs, which has a field of its own.",
            f'Write "gpu_product": "{options.node_selector[label]}" instead.',
        )


def _pods(options: KubernetesOptions) -> Iterator[Problem]:
    for path, pod in (("kubernetes", options), ("kubernetes.client", options.client)):
        yield from _in_bytes(f"{path}.requests", pod.requests)
        yield from _in_bytes(f"{path}.limits", pod.limits)
        for name in sorted(pod.requests.keys() & pod.limits.keys()):
            if amount(pod.requests[name]) > amount(pod.limits[name]):
                yield Problem(
                    f"{path}.requests.{name}",
                    pod.requests[name],
                    f"is more than the limit {pod.limits[name]}.",
                    "Lower it, or raise the limit.",
                )
        for index, toleration in enumerate(pod.tolerations):
            where = f"{path}.tolerations[{index}]"
            if toleration.operator == "Exists" and toleration.value is not None:
                fix = 'Remove value, or write "operator": "Equal".'
                yield Problem(
                    f"{where}.value", toleration.value, "has no use with the operator Exists.", fix
                )
            if toleration.operator == "Equal" and toleration.key is None:
                fix = 'Write the taint\'s key, or "operator": "Exists" for every taint.'
                yield Problem(f"{where}.key", None, "is missing.", fix)


def _in_bytes(path: str, resources: Mapping[str, str]) -> Iterator[Problem]:
    for name in _BYTES:
        size = resources.get(name, "")
        if size.endswith("m"):
            yield Problem(
                f"{path}.{name}",
                size,
                "is in thousandths of a byte.",
                f'Write "{size[:-1]}Mi" for so many megabytes.',
            )


def _token(task: Task) -> Iterator[Problem]:
    """The token stays in its variable: engines write their command line into their log."""
    data = task.model_dump(mode="json")
    for field in ("env", "engine_args", "parameters", "linked", "baseline"):
        if "$(HF_TOKEN)" in dumps(data[field]):
            yield Problem(
                field,
                "$(HF_TOKEN)",
                "would write a secret into the server's log.",
                "Remove it; the server finds HF_TOKEN in its environment.",
            )


def _hub_cache(task: Task) -> Iterator[Problem]:
    claim = task.kubernetes.hub_cache_claim
    if claim is not None and (task.model.hub_id is None or task.model.in_image):
        yield Problem(
            "kubernetes.hub_cache_claim",
            claim.model_dump(exclude_none=True),
            "has no use: the model is not fetched from the hub.",
            'Remove it, or write the model\'s hub id as "id_or_path".',
        )
