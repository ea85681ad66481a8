"""What makes two studies, or two trials, the same: hashes of all that can change a figure."""

import hashlib
import json
import re
from pathlib import Path

from airtune.engines import get_engine
from airtune.records import ServerSpec
from airtune.settings import Settings
from airtune.task import Task


def study_id(task: Task) -> str:
    """``{task_name}-{8 hex digits}``: an edited space continues the study, all else starts another.

    The digits come from the model, the workload, the launcher and the objective with all that
    a stored score depends on (scope, SLO, constraints, weights).
    """
    data = task.model_dump(
        mode="json",
        include={"model", "benchmark", "launcher", "slo", "constraints"},
    )
    data["objective"] = task.optimization.model_dump(mode="json", include={"objective", "scope"})
    return f"{task.task_name}-{_digest(data)[:8]}"


class PlanKeys:
    """Keys of one task's trials: 16 hex digits, equal where figures may stand for each other.

    Hashed are the image (for the local launcher: the program and its version), the normalised
    command line, the environment, the model, the workload, the client and its version, and the
    kind and number of devices. ``model_path``, the host's own, is left out of the command line:
    the model as the task names it counts. What all trials share is read once.
    """

    def __init__(self, task: Task, settings: Settings, model_path: str) -> None:
        self._model_path = model_path
        self._shared = {
            "model": task.model.model_dump(mode="json"),
            "workload": task.benchmark.model_dump(mode="json", exclude={"weights"}),
            "client": client_identity(settings),
            "devices": _device_kinds(task, settings),
        }
        self._local = _local_program(task, settings) if task.launcher == "local" else None

    def of(self, server: ServerSpec) -> str:
        """The key of the trial that runs ``server``."""
        path = self._model_path
        data = self._shared | {
            "program": self._local or [server.image, *server.program],
            "arguments": ["{model}" if word == path else word for word in server.normal],
            "env": server.env,
            "count": server.devices,
        }
        return _digest(data)[:16]


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


def _device_kinds(task: Task, settings: Settings) -> list[str]:
    if task.launcher in {"local", "docker"}:
        return sorted({f"{d.kind} of {len(d.indexes)}" for d in settings.devices})
    return [task.launcher]


def _digest(data: object) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
