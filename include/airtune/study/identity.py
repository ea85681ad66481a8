"""What makes two studies, or two trials, the same: hashes of all that can change a figure."""

import hashlib
import json
import re
from pathlib import Path

from airtune.engines import get_engine
from airtune.records import Device, ServerSpec
from airtune.settings import Settings
from airtune.study.cluster_identity import in_cluster
from airtune.task import Task
from airtune.task.client_way import resolved_client

_NEWER = frozenset({"root", "in_image"})
"""Fields of the model that the first studies did not know."""


def study_id(task: Task) -> str:
    """``{task_name}-{8 hex digits}``: an edited space continues the study, all else starts another.

    The digits come from the model, the workload, the launcher and the objective with all that
    a stored score depends on (scope, SLO, constraints, weights). The client's way is not among
    them: figures of both ways are kept apart by the plan key.
    """
    data = task.model_dump(mode="json", include={"launcher", "slo", "constraints"})
    data |= {"model": _model(task), "benchmark": _workload(task)}
    data["objective"] = task.optimization.model_dump(mode="json", include={"objective", "scope"})
    return f"{task.task_name}-{_digest(data)[:8]}"


class PlanKeys:
    """Keys of one task's trials: 16 hex digits, equal where figures may stand for each other.

    Hashed are the image (for the local launcher: the program and its version), the normalised
    command line, the environment, the model, the workload, the client, its version and whether
    it runs in a container, and the kind and number of devices; for Docker also the container's
    limits, in a cluster all that decides where and how the pods run. ``model_path``, the host's
    own, is left out of the command line: the model as the task names it counts. What all trials
    share is read once.
    """

    def __init__(
        self,
        task: Task,
        settings: Settings,
        model_path: str,
        host: str = "",
        runtime_revision: str = "",
    ) -> None:
        """Keys of ``task`` on the Docker host named ``host``; empty: the default one.

        Args:
            runtime_revision: of OME's serving runtime.

        Raises:
            SettingsError: there is no Docker host of that name.
        """
        self._model_path = model_path
        self._shared: dict[str, object] = {
            "model": _model(task),
            "workload": _workload(task, exclude={"weights"}),
            "client": _client(task, settings, host),
            "devices": _device_kinds(task, settings, host),
        }
        if task.launcher == "docker":
            self._shared["container"] = task.container.model_dump(mode="json", exclude_none=True)
        if task.launcher in {"kubernetes", "ome"}:
            self._shared |= in_cluster(task, settings, runtime_revision)
        self._ome = task.launcher == "ome"
        self._local = _local_program(task, settings) if task.launcher == "local" else None

    def of(self, server: ServerSpec) -> str:
        """The key of the trial that runs ``server``."""
        path = self._model_path
        data = self._shared | {
            "program": self._local or self._program(server),
            "arguments": ["{model}" if word == path else word for word in server.normal],
            "env": server.env,
            "count": server.devices,
        }
        return _digest(data)[:16]

    def _program(self, server: ServerSpec) -> list[str]:
        """In OME the runtime has image and program."""
        return [] if self._ome else [server.image, *server.program]


def client_identity(settings: Settings) -> str:
    """The benchmark client and its version, for example ``genai-bench 0.0.5``."""
    version = installed_version(settings.bench_python, "genai_bench") or "unknown"
    command = settings.bench_command
    own = f"{settings.bench_python.parent}/genai-bench"
    return f"genai-bench {version}" + ("" if command[0] == own else f" by {' '.join(command)}")


def installed_version(python: Path, distribution: str) -> str | None:
    """Version of ``distribution`` in the environment of ``python``, found without starting it.

    ``distribution`` is written as in its folder name, with underscores.
    """
    pattern = f"lib/python*/site-packages/{distribution}-*.dist-info"
    found = sorted(folder.name for folder in python.parent.parent.glob(pattern))
    match = (
        re.fullmatch(rf"{re.escape(distribution)}-(.+)\.dist-info", found[-1]) if found else None
    )
    return match[1] if match else None


def _local_program(task: Task, settings: Settings) -> list[str]:
    """How the local launcher calls the engine; the environment's path does not count."""
    own = str(settings.engine_python)
    command = settings.engine_commands.get(task.engine, get_engine(task.engine).program)
    words = ["python" if word == own else word for word in command]
    version = installed_version(settings.engine_python, "xllamacpp") if own in command else None
    return [*words, f"xllamacpp {version}"] if version else words


def device_pool(task: Task, settings: Settings, host: str = "") -> tuple[Device, ...]:
    """The devices that trials of ``task`` share: the host's inventory, or those of the cluster.

    Raises:
        SettingsError: there is no Docker host of that name.
    """
    if task.launcher in {"kubernetes", "ome"}:
        return settings.cluster.pool
    return settings.docker_host(host).devices if task.launcher == "docker" else settings.devices


def _device_kinds(task: Task, settings: Settings, host: str) -> list[str]:
    """What the trials run on, as far as the inventory tells."""
    if task.launcher not in {"local", "docker"}:
        return [task.launcher]
    kinds = sorted({_kind(device) for device in device_pool(task, settings, host)})
    # Two hosts need not have the same hardware, and nothing here tells whether they have.
    return [*kinds, f"at {host}"] if host and task.launcher == "docker" else kinds


def _kind(device: Device) -> str:
    return f"{device.kind} of {len(device.indexes)}"


def _client(task: Task, settings: Settings, host: str) -> str:
    """The client; in a container its version is the image's."""
    way = resolved_client(task, settings.docker_host(host))
    if way == "benchmark_job":
        return f"genai-bench in {settings.client_image} by BenchmarkJob"
    if way == "container":
        return f"genai-bench in {settings.client_image}"
    return client_identity(settings)


def _model(task: Task) -> dict[str, object]:
    """The model as the task names it. Newer fields count where they are set: old ids stay."""
    data: dict[str, object] = task.model.model_dump(mode="json")
    return {name: value for name, value in data.items() if value is not None or name not in _NEWER}


def _workload(task: Task, exclude: frozenset[str] | set[str] = frozenset()) -> dict[str, object]:
    return task.benchmark.model_dump(mode="json", exclude={"client", *exclude})


def _digest(data: object) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
