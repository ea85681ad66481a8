"""What all exports of a trial have in common: its name, its words, where it comes from."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from airtune.engines import get_engine
from airtune.records import Device, ParamValue, parse_devices
from airtune.scoring.words import configuration
from airtune.task import Task

_NAME_LENGTH = 50
"""OME adds to names, and refuses those beyond 56 characters."""

_DOLLAR = re.compile(r"\$(?:\(([A-Za-z_.-][A-Za-z0-9_.-]*)\))?")


class Exported(Protocol):
    """What an export needs of a trial, stored or in a results file."""

    @property
    def trial_id(self) -> int | None:
        """Its number."""
        ...

    @property
    def parameters(self) -> Mapping[str, ParamValue]:
        """Its configuration."""
        ...

    @property
    def argv(self) -> Sequence[str]:
        """The command line of its server."""
        ...

    @property
    def devices(self) -> Sequence[str]:
        """Names of the devices that it held."""
        ...

    @property
    def identity(self) -> Mapping[str, ParamValue]:
        """What it ran on."""
        ...


def heading(trial: Exported, task: Task) -> dict[str, Any]:
    """Values of the head of every export: name, namespace, annotations, first comment."""
    identity = trial.identity
    made_of = {
        "airtune-export/task": task.task_name,
        "airtune-export/trial": str(trial.trial_id),
        "airtune-export/configuration": configuration(dict(trial.parameters)),
        "airtune-export/image-digest": identity.get("image_digest"),
    }
    return {
        "about": f"exp{trial.trial_id} of task {task.task_name}: {configuration(trial.parameters)}",
        "name": dns_name(task.task_name),
        "namespace": dns_name(task.model.namespace),
        "annotations": {key: str(value) for key, value in made_of.items() if value},
    }


def dns_name(text: str) -> str:
    """``text`` as the name of a Service, an InferenceService or a namespace (DNS-1035)."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower())[:_NAME_LENGTH].strip("-")
    return name if re.match(r"[a-z]", name) else f"llm-{name}".rstrip("-")


def arguments_of(trial: Exported, task: Task) -> tuple[list[str], list[str]]:
    """``(program, arguments)`` of the server's command line.

    The program is empty where the image's own entrypoint is to be kept: the public image of
    llama.cpp has its server at a path of its own.
    """
    engine, words = get_engine(task.engine), list(trial.argv)
    size = len(engine.program)
    if engine.name == "llama_cpp":
        first = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
        return [], words[first:]
    if tuple(words[:size]) == engine.program:
        return words[:size], words[size:]
    for start in range(1, len(words) - size + 1):  # an image's own program in front of it
        if tuple(words[start : start + size]) == engine.program:
            return words[: start + size], words[start + size :]
    return words[:1], words[1:]


def devices_of(trial: Exported) -> list[Device]:
    """The devices that the trial held; one whose name says nothing any more is left out."""
    return [device for name in trial.devices for device in _device(name)]


def literal(word: str, task: Task) -> str:
    """A word of a trial's command line, so written that Kubernetes makes the very same of it.

    It expands ``$(NAME)``. In a trial's words that is done, but for variables whose value only the
    cluster knows; Docker does no such thing.
    """
    known = None if task.launcher == "docker" else task.env.keys()

    def put(match: re.Match[str]) -> str:
        expanded_there = match[1] is not None and known is not None and match[1] not in known
        return match[0] if expanded_there else f"${match[0]}"

    return _DOLLAR.sub(put, word)


def variables(task: Task) -> dict[str, str]:
    """The task's environment, so written that Kubernetes makes the same of it as the launcher."""
    docker = task.launcher == "docker"
    return {name: literal(v, task) if docker else v for name, v in sorted(task.env.items())}


def _device(name: str) -> Sequence[Device]:
    if name.startswith("kubernetes/"):
        return (Device(name=name, kind="cluster", indexes=(0,)),)
    try:
        return parse_devices(name.rpartition("/")[2])
    except ValueError:
        return ()
