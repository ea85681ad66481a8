"""What a run needs of its host, looked at before anything is started."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airtune.errors import Problem, TaskError
from airtune.operators.model_folder import allowed_root, folder_name, system_folder
from airtune.records import Device
from airtune.settings import DockerHost, Settings
from airtune.task.client_way import resolved_client

if TYPE_CHECKING:
    from airtune.study.plan import Plan
    from airtune.task import Task

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def check_local(task: "Task", plan: "Plan", settings: Settings) -> None:
    """Refuse a task that this host cannot run.

    Raises:
        TaskError: model, tokenizer, engine or client missing, or more devices needed than there
            are.
    """
    refuse(
        task,
        [
            *_model(task, settings),
            *tokenizer(task, settings),
            *_engine(task, settings),
            *client_program(settings),
            *_devices(plan, settings.devices, "this host"),
        ],
    )


def check_docker(task: "Task", plan: "Plan", settings: Settings, host: DockerHost) -> None:
    """Refuse a task that this Docker host cannot run, as far as the worker can see.

    Raises:
        TaskError: model folder (where it can be seen), tokenizer or client missing, the folder
            one of the system's, the server's port out of reach, or more devices needed than there
            are.
    """
    client = [] if resolved_client(task, host) == "container" else list(client_program(settings))
    name = f"the Docker host {host.name}" if host.name else "this host"
    refuse(
        task,
        [
            *_address(host),
            *allowed_root(task, settings),
            *system_folder(task, settings, *_socket(host)),
            *_model_folder(task, settings, host),
            *tokenizer(task, settings),
            *client,
            *_devices(plan, host.devices, name),
        ],
    )


def refuse(task: "Task", problems: list[Problem]) -> None:
    """Raise ``TaskError`` if there is any problem."""
    if problems:
        raise TaskError(problems, task.task_name)


def _address(host: DockerHost) -> Iterator[Problem]:
    """A port on another host's loopback: each server would be waited for in vain."""
    engine = urlsplit(host.url).hostname if host.remote else None
    if engine and not host.network and host.publish in _LOOPBACK and engine not in _LOOPBACK:
        yield Problem(
            "AIRTUNE_DOCKER_HOSTS",
            host.url,
            f"its servers' ports would be published on that host's own {host.publish}, where the "
            "worker does not reach them.",
            'Name the host there with "publish": the address at which the worker reaches it.',
        )


def _socket(host: DockerHost) -> list[str]:
    """The engine's own, which would make a task root."""
    return [] if host.remote else [host.url.removeprefix("unix://")]


def _model_folder(task: "Task", settings: Settings, host: DockerHost) -> Iterator[Problem]:
    """The engine mounts a folder of its own host; only there is it seen whether it exists."""
    model = task.model
    if model.in_image or model.hub_id or host.remote or host.network:
        return
    folder = Path(model.root or settings.model_root) / folder_name(task)
    if not folder.exists():
        yield Problem(
            "model.name",
            folder_name(task),
            f"there is no {folder} on this host.",
            "Put the model there, or name another folder in model.root (or the parameter "
            "model_path, or AIRTUNE_MODEL_ROOT).",
        )


def _model(task: "Task", settings: Settings) -> Iterator[Problem]:
    if task.model.path and not (settings.home / task.model.path).exists():
        yield Problem(
            "model.path",
            task.model.path,
            f"there is no such file or folder under {settings.home}.",
            "Run `make env` for the model of the examples, or give the path of yours.",
        )


def tokenizer(task: "Task", settings: Settings) -> Iterator[Problem]:
    """A tokenizer that is neither a folder of this host nor a hub's id."""
    from airtune.benchmark.hub import find_tokenizer

    try:
        find_tokenizer(task.benchmark.model_tokenizer, settings.home)
    except TaskError as error:
        yield from error.problems


def _engine(task: "Task", settings: Settings) -> Iterator[Problem]:
    command = settings.engine_commands.get(str(task.engine))
    if command is None:
        yield Problem(
            "engine",
            task.engine,
            "this host does not say how to start it as a process.",
            "Set AIRTUNE_ENGINE_COMMANDS, or use docker.",
        )
    elif not _runnable(command[0]):
        yield _missing("engine", command[0])


def client_program(settings: Settings) -> Iterator[Problem]:
    """genai-bench, where it is to run on this host."""
    if not _runnable(settings.bench_command[0]):
        yield _missing("benchmark", settings.bench_command[0])


def _missing(path: str, program: str) -> Problem:
    return Problem(path, program, "this program is not there.", "Run `make env` to install it.")


def _runnable(program: str) -> bool:
    return shutil.which(program) is not None or Path(program).exists()


def _devices(plan: "Plan", pool: Sequence[Device], where: str) -> Iterator[Problem]:
    have = len(pool)
    for trial in plan.trials:
        if trial.server.devices > have:
            names = ", ".join(device.name for device in pool)
            yield Problem(
                "parameters",
                trial.label,
                f"needs {trial.server.devices} devices, {where} has {have} ({names}).",
                "Take the value out, or add devices to AIRTUNE_DEVICES.",
            )
            return
