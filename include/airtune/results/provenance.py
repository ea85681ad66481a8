"""What a run was measured with: versions, model identity, hardware."""

import hashlib
import os
import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airtune import __version__
from airtune.settings import Settings
from airtune.study.identity import installed_version

if TYPE_CHECKING:
    from airtune.task import Task

_HASHED_UP_TO_BYTES = 2_000_000_000


def provenance(task: "Task", settings: Settings) -> dict[str, Any]:
    """Versions, model and hardware of a run on this host; a value not known is None."""
    return {
        "airtune": __version__,
        "airflow": _own("apache-airflow"),
        "genai_bench": installed_version(settings.bench_python, "genai_bench"),
        "engine": {
            "name": str(task.engine),
            "xllamacpp": installed_version(settings.engine_python, "xllamacpp"),
        },
        "model": _model(task, settings),
        "hardware": {
            "machine": platform.machine(),
            "cpu": _cpu_name(),
            "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "devices": [device.name for device in settings.devices],
        },
    }


def _own(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _model(task: "Task", settings: Settings) -> dict[str, Any]:
    path = settings.home / task.model.path if task.model.path else None
    identity: dict[str, Any] = {"name": task.model.name, "path": task.model.path}
    if path is not None and path.is_file():
        size = path.stat().st_size
        identity["bytes"] = size
        if size <= _HASHED_UP_TO_BYTES:
            identity["sha256"] = _sha256(path, path.stat().st_mtime_ns)
    return identity


@lru_cache(maxsize=4)
def _sha256(path: Path, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cpu_name() -> str | None:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else None
