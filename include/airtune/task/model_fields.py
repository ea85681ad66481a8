"""Where the model comes from: what each launcher can use, and never two places at once."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from airtune.errors import Problem
from airtune.task.task import Task

_MOUNTING = {"docker": "Docker", "kubernetes": "Kubernetes"}
_HOSTS = {"docker": "the engine's host", "kubernetes": "the nodes"}


def model_problems(task: Task) -> Iterator[Problem]:
    """What is wrong with the model's fields, for every launcher."""
    if task.launcher in _MOUNTING:
        yield from _local_path(task)
        yield from _absolute(task)
        yield from _places(task)
        yield from _gguf(task)
    elif task.launcher == "ome":
        yield from _of_ome(task)
    else:
        yield from _elsewhere(task)


def _local_path(task: Task) -> Iterator[Problem]:
    path = task.model.path
    if path is None:
        return
    where = PurePosixPath(path)
    folder = f'"root": "{where.parent}" and ' if where.is_absolute() else ""
    claim = ', or "kubernetes": {"model_claim": …} for a PVC'
    yield Problem(
        "model.path",
        path,
        f"is for the local launcher; {_MOUNTING[task.launcher]} mounts a folder of "
        f"{_HOSTS[task.launcher]}.",
        f'Write {folder}"name": "{where.name}" for what lies under the model root, or "in_image" '
        f"for a path inside the image{claim if task.launcher == 'kubernetes' else ''}.",
    )


def _absolute(task: Task) -> Iterator[Problem]:
    for field in ("root", "in_image"):
        value = getattr(task.model, field)
        if value and not value.startswith("/"):
            fix = f'Write it from the root, for example "/models/{value.lstrip("./")}".'
            yield Problem(f"model.{field}", value, "is no absolute path.", fix)


def _places(task: Task) -> Iterator[Problem]:
    """Image, hub, PVC, host: the first that is named is where the model is; a second is a mistake.

    A hub id beside ``in_image`` only names the model.
    """
    model, claim = task.model, task.kubernetes.model_claim
    shown = None if claim is None else claim.model_dump(exclude_none=True)
    if model.in_image:
        reason = "has no use beside in_image: nothing is mounted then."
        if model.root:
            yield Problem("model.root", model.root, reason, "Keep only one of them.")
        if claim:
            yield Problem("kubernetes.model_claim", shown, reason, "Keep only one of them.")
    elif model.hub_id:
        reason = f"has no use: {model.hub_id!r} is fetched from the hub."
        fix = 'Remove it, or write the folder {} as "name" and remove id_or_path.'
        if model.root:
            yield Problem("model.root", model.root, reason, fix.format("under it"))
        if claim:
            yield Problem("kubernetes.model_claim", shown, reason, fix.format("in it"))
    elif model.root and claim:
        reason = "has no use beside kubernetes.model_claim, where the model lies."
        yield Problem("model.root", model.root, reason, "Keep only one of them.")


def _gguf(task: Task) -> Iterator[Problem]:
    model, claim = task.model, task.kubernetes.model_claim
    if task.engine != "llama_cpp" or model.path or model.in_image:
        return
    field = "id_or_path" if model.id_or_path else "name"
    named = model.id_or_path or model.name
    if claim and not model.hub_id and (claim.sub_path or "").lower().endswith(".gguf"):
        return
    if model.hub_id or not named.lower().endswith(".gguf"):
        place = "in the PVC (below sub_path)" if claim else "under the model root"
        yield Problem(
            f"model.{field}",
            named,
            "is no GGUF file, and llama.cpp is started with one.",
            f'Write for example "name": "SmolLM2-135M-Instruct.Q4_1.gguf" for a file {place}, or '
            '"in_image": "/models/SmolLM2-135M-Instruct.Q4_1.gguf".',
        )


def _of_ome(task: Task) -> Iterator[Problem]:
    for field in ("path", "root", "in_image", "id_or_path"):
        value = getattr(task.model, field)
        # Files of the successor name the object by id_or_path.
        if value is not None and not (field == "id_or_path" and value == task.model.name):
            yield Problem(
                f"model.{field}",
                value,
                "has no use in OME, where the model is a (Cluster)BaseModel.",
                'Remove it and write the name of that object as "name"; where there is none, '
                '"ome": {"model_spec": …} makes it, its storage included.',
            )


def _elsewhere(task: Task) -> Iterator[Problem]:
    local = ' Or write "path" for a file or folder of this host.'
    for field in ("root", "in_image"):
        value = getattr(task.model, field)
        if value is not None:
            yield Problem(
                f"model.{field}",
                value,
                f"is for Docker and Kubernetes, and this task is for {task.launcher}.",
                'Remove it, or write "deployment_mode": "docker".'
                + (local if task.launcher == "local" else ""),
            )
