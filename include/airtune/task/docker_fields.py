"""Fields that only Docker knows, and those that mean nothing there: never ignored in silence."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from airtune.errors import Problem
from airtune.task.container import ContainerOptions
from airtune.task.task import Task

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def docker_problems(task: Task) -> Iterator[Problem]:
    """What is wrong with a task's Docker fields, for Docker and for any other launcher."""
    if task.launcher == "docker":
        yield from _model(task)
        yield from _gguf(task)
    else:
        yield from _elsewhere(task)


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


def _model(task: Task) -> Iterator[Problem]:
    model = task.model
    if model.path:
        path = PurePosixPath(model.path)
        folder = f'"root": "{path.parent}" and ' if path.is_absolute() else ""
        yield Problem(
            "model.path",
            model.path,
            "is for the local launcher; Docker mounts a folder of the engine's host.",
            f'Write {folder}"name": "{path.name}" for what lies under the model root, or '
            '"in_image" for a path inside the image.',
        )
    for field in ("root", "in_image"):
        value = getattr(model, field)
        if value and not value.startswith("/"):
            fix = f'Write it from the root, for example "/models/{value.lstrip("./")}".'
            yield Problem(f"model.{field}", value, "is no absolute path.", fix)
    if model.root and model.in_image:
        reason = "has no use beside in_image: nothing is mounted then."
        yield Problem("model.root", model.root, reason, "Keep only one of them.")
    elif model.root and model.hub_id:
        yield Problem(
            "model.root",
            model.root,
            f"has no use: {model.hub_id!r} is fetched from the hub.",
            'Remove it, or write the folder under it as "name" and remove id_or_path.',
        )


def _gguf(task: Task) -> Iterator[Problem]:
    model = task.model
    if task.engine != "llama_cpp" or model.path or model.in_image:
        return
    field = "id_or_path" if model.id_or_path else "name"
    named = model.id_or_path or model.name
    if model.hub_id or not named.lower().endswith(".gguf"):
        yield Problem(
            f"model.{field}",
            named,
            "is no GGUF file, and llama.cpp is started with one.",
            'Write for example "name": "SmolLM2-135M-Instruct.Q4_1.gguf" for a file under the '
            'model root, or "in_image": "/models/SmolLM2-135M-Instruct.Q4_1.gguf".',
        )


def _elsewhere(task: Task) -> Iterator[Problem]:
    here = f"is for Docker, and this task is for {task.launcher}."
    fix = 'Remove it, or write "deployment_mode": "docker".'
    for path, value in (
        ("model.root", task.model.root),
        ("model.in_image", task.model.in_image),
        ("benchmark.client", task.benchmark.client),
    ):
        if value is not None:
            local = ' Or write "path" for a file or folder of this host.'
            model = task.launcher == "local" and path.startswith("model.")
            yield Problem(path, value, here, fix + (local if model else ""))
    if task.container != ContainerOptions():
        yield Problem("container", task.container.model_dump(exclude_none=True), here, fix)
