"""What a run was measured with: versions, model identity, hardware."""

import hashlib
import os
import platform
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airtune import __version__
from airtune.records import Device, ParamValue
from airtune.results.docker_run import image_of
from airtune.settings import DockerHost, Settings
from airtune.study.identity import installed_version
from airtune.task.client_way import resolved_client

if TYPE_CHECKING:
    from airtune.task import Task

_HASHED_UP_TO_BYTES = 2_000_000_000


def provenance(
    task: "Task",
    settings: Settings,
    *,
    host: str = "",
    identity: Mapping[str, ParamValue] | None = None,
) -> dict[str, Any]:
    """Versions, model and hardware of a run; a value not known is None.

    Args:
        host: name of the Docker host of the run; empty: the default one.
        identity: what the deciding trial ran on, as its launcher found.
    """
    found: dict[str, Any] = {
        "airtune": __version__,
        "airflow": _own("apache-airflow"),
        "genai_bench": installed_version(settings.bench_python, "genai_bench"),
        "engine": {"name": str(task.engine)},
    }
    if task.launcher == "docker":
        return found | _docker(task, settings, host, identity or {})
    if task.launcher in {"kubernetes", "ome"}:
        return found | _cluster(task, settings, identity or {})
    found["engine"]["xllamacpp"] = installed_version(settings.engine_python, "xllamacpp")
    found["model"] = _model(task, settings)
    return found | {"hardware": _this_host() | {"devices": _names(settings.devices)}}


def _docker(
    task: "Task", settings: Settings, name: str, identity: Mapping[str, ParamValue]
) -> dict[str, Any]:
    """Image, engine and devices; the hardware of another host than this one is not known."""
    host = next((h for h in settings.docker_hosts if h.name == name), DockerHost(name=name))
    container = resolved_client(task, host) == "container"
    return {
        "image": image_of(task),
        "image_digest": identity.get("image_digest"),
        "docker": identity.get("docker_version"),
        "client": settings.client_image if container else None,
        "model": _model_of_docker(task, settings),
        "hardware": {"docker_host": name or None}
        | ({} if host.remote else _this_host())
        | {"devices": _names(host.devices)},
    }


def _cluster(
    task: "Task", settings: Settings, identity: Mapping[str, ParamValue]
) -> dict[str, Any]:
    """What the deciding trial's launcher found; the hardware is a node's."""
    way, ome = resolved_client(task), task.launcher == "ome"
    found: dict[str, Any] = {
        "image": identity.get("image") or (None if ome else image_of(task)),
        "image_digest": identity.get("image_digest"),
        "kubernetes": identity.get("kubernetes_version"),
        "client": None if way == "cli" else settings.client_image,
        "client_way": way,
        "hardware": {
            "node": identity.get("node"),
            "gpu_product": identity.get("gpu_product") or task.kubernetes.gpu_product,
            "namespace": task.model.namespace,
        },
    }
    if ome:
        model = {"name": task.model.name, "kind": task.ome.model_kind}
        runtime = {"name": task.base_runtime, "kind": task.ome.runtime_kind}
        return found | {"model": model, "runtime": runtime}
    claim = task.kubernetes.model_claim
    if claim is not None:
        model = {"name": task.model.name} | claim.model_dump(exclude_none=True)
        return found | {"model": model}
    return found | {"model": _model_of_docker(task, settings)}


def _model_of_docker(task: "Task", settings: Settings) -> dict[str, Any]:
    """As it was named: the files are another host's, or the image's."""
    model = task.model
    if model.in_image:
        return {"name": model.name, "in_image": model.in_image}
    if model.hub_id:
        return {"name": model.name, "hub_id": model.hub_id}
    return {"name": model.id_or_path or model.name, "root": model.root or settings.model_root}


def _names(devices: Sequence[Device]) -> list[str]:
    return [device.name for device in devices]


def _this_host() -> dict[str, Any]:
    return {
        "machine": platform.machine(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
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
