"""Fields that only OME knows, and those that mean nothing there: never ignored in silence."""

import re
from collections.abc import Iterator, Mapping
from json import dumps

from airtune.errors import Problem
from airtune.task.ome import OmeOptions
from airtune.task.task import Task

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


def ome_problems(task: Task) -> Iterator[Problem]:
    """What is wrong with a task's OME fields, for OME and for any other launcher."""
    if task.launcher != "ome":
        if task.ome != OmeOptions():
            yield Problem(
                "ome",
                task.ome.model_dump(mode="json", exclude_defaults=True),
                f"is for OME, and this task is for {task.launcher}.",
                'Remove it, or write "deployment_mode": "ome".',
            )
        return
    yield from _names(task)
    yield from _image(task)
    yield from _claims(task)
    yield from _specs(task.ome)
    yield from _braces(task)


def _names(task: Task) -> Iterator[Problem]:
    if task.base_runtime is None:
        yield Problem(
            "base_runtime",
            None,
            f"is missing: in OME it names the {task.ome.runtime_kind} to tune.",
            'Write for example "base_runtime": "llama-3-2-1b-instruct-sglang".',
        )
    for path, name, kind in (
        ("base_runtime", task.base_runtime, task.ome.runtime_kind),
        ("model.name", task.model.name, task.ome.model_kind),
    ):
        if name is not None and not _NAME.fullmatch(name):
            yield Problem(
                path,
                name,
                f"is no name of a {kind}.",
                "Write the object's name: lower case letters, digits, dashes and dots.",
            )


def _image(task: Task) -> Iterator[Problem]:
    """The baseline is the runtime as it is: a trial with another image would not compare."""
    for path, value in (("image", task.image), ("runtime_image_tag", task.image_tag)):
        if value is not None:
            yield Problem(
                path,
                value,
                "has no use in OME: the image is the serving runtime's.",
                "Remove it and name a runtime with that image in base_runtime, or have airtune "
                'make one: "ome": {"runtime_spec": …}.',
            )


def _claims(task: Task) -> Iterator[Problem]:
    """OME mounts the model's own storage."""
    for field in ("model_claim", "hub_cache_claim"):
        claim = getattr(task.kubernetes, field)
        if claim is not None:
            storage = {"storage": {"storageUri": f"pvc://{claim.claim}/{claim.sub_path or ''}"}}
            yield Problem(
                f"kubernetes.{field}",
                claim.model_dump(exclude_none=True),
                f"has no use in OME, which mounts what the {task.ome.model_kind} says.",
                "Remove it; give the model its storage there, or by ome.model_spec: "
                f"{dumps(storage)}.",
            )


def _specs(options: OmeOptions) -> Iterator[Problem]:
    """Kind, name and labels are airtune's to write."""
    for field in ("model_spec", "runtime_spec"):
        spec = getattr(options, field) or {}
        if whole := sorted({"apiVersion", "kind", "metadata", "spec"} & spec.keys()):
            yield Problem(
                f"ome.{field}",
                whole,
                "are keys of a whole object, and only its spec is meant.",
                f"Write what stands below spec as ome.{field}.",
            )


def _braces(task: Task) -> Iterator[Problem]:
    data = task.model_dump(mode="json")
    for field in ("engine_args", "env", "parameters", "linked", "baseline"):
        for path, text in _texts(field, data[field]):
            if "{{" in text:
                yield Problem(
                    path,
                    text,
                    "has {{ in it, which OME takes for a template of its own.",
                    "Write the value without, for example as a file in the runtime's image.",
                )


def _texts(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(f"{path}.{key}", one)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _texts(f"{path}[{index}]", one)
