"""Fields of containers, for Docker and where they mean little or nothing: never ignored."""

import re
from collections.abc import Iterator

from airtune.errors import Problem
from airtune.task.container import ContainerOptions
from airtune.task.task import Task

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_IN_PODS = {
    "memory": 'Write it as "kubernetes": {{"limits": {{"memory": "{size}"}}}}.',
    "ipc": "Remove it; a pod's containers share memory by /dev/shm (container.shm_size).",
    "ulimits": "Remove it; limits of a pod's processes are set on its node.",
}
"""Options of a container that a pod does not have → what to write instead."""


def container_problems(task: Task) -> Iterator[Problem]:
    """What of ``container`` the task's launcher cannot give."""
    if task.launcher == "kubernetes":
        yield from _in_a_pod(task.container)
    elif task.launcher == "ome":
        yield from _whole(task, "has no use in OME, where the runtime says what its pods get.")
    elif task.launcher != "docker":
        yield from _whole(
            task, f"is for Docker and Kubernetes, and this task is for {task.launcher}."
        )


def image_problems(task: Task) -> Iterator[Problem]:
    """``image`` is a name, or a name with a digest; its tag has a field of its own."""
    if not task.image:
        return
    if "@" in task.image:
        name, _, digest = task.image.partition("@")
        if not name or not _DIGEST.fullmatch(digest):
            fix = f'Write "{name or "name"}@sha256:" and the 64 hex digits.'
            yield Problem("image", task.image, "has a digest that is none.", fix)
        elif task.image_tag:
            fix = "Remove runtime_image_tag, or the digest."
            yield Problem("image", task.image, "carries a digest and has a tag too.", fix)
    elif ":" in task.image.rpartition("/")[2]:
        name, _, tag = task.image.rpartition(":")
        fix = f'Write "image": "{name}" and "runtime_image_tag": "{tag}".'
        yield Problem("image", task.image, "carries a tag.", fix)


def _in_a_pod(container: ContainerOptions) -> Iterator[Problem]:
    standard = ContainerOptions()
    for field, fix in _IN_PODS.items():
        value = getattr(container, field)
        if value != getattr(standard, field):
            yield Problem(
                f"container.{field}",
                value,
                "is for Docker; pods have no such option.",
                fix.format(size=_as_quantity(str(value))),
            )


def _as_quantity(size: str) -> str:
    """Docker's ``64g`` as Kubernetes writes it; Docker's units are powers of 1024."""
    return size[:-1] + {"b": "", "k": "Ki", "m": "Mi", "g": "Gi"}.get(size[-1:], size[-1:])


def _whole(task: Task, reason: str) -> Iterator[Problem]:
    if task.container != ContainerOptions():
        value = task.container.model_dump(exclude_none=True)
        fix = 'Remove it, or write "deployment_mode": "docker".'
        yield Problem("container", value, reason, fix)
