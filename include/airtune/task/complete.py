"""What a task file may leave out and airtune fills in, before anything is checked."""

from collections.abc import Mapping
from typing import Any

from airtune.task.names import engine_in, engine_name
from airtune.task.task import Task

_KEYS = {*Task.model_fields, "deployment_mode", "runtime_image_tag"}


def completed(data: Mapping[str, Any], launcher: str | None) -> dict[str, Any]:
    """A copy of ``data`` with launcher, engine, model name in requests and tokenizer filled in.

    What cannot be told is left out, so that it is reported as missing.
    """
    # Null for an optional key says what its absence says; exported tasks are full of them.
    task = {key: value for key, value in data.items() if value is not None or key not in _KEYS}
    runtime = task.get("base_runtime")
    if "engine" not in task and isinstance(runtime, str) and (engine := engine_in(runtime)):
        task["engine"] = engine
    if "deployment_mode" not in task and "launcher" not in task:
        task["launcher"] = launcher or _launcher(task)
    if isinstance(task.get("benchmark"), Mapping) and isinstance(task.get("model"), Mapping):
        task["benchmark"] = _defaults(task["model"]) | dict(task["benchmark"])
    return task


def _launcher(task: Mapping[str, Any]) -> str:
    runtime, engine = task.get("base_runtime"), engine_name(task.get("engine"))
    if runtime is not None:
        return "docker" if engine_name(runtime) in {"sglang", "vllm"} else "ome"
    return "local" if engine == "llama_cpp" else "docker"


def _defaults(model: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    hub_id, path = model.get("id_or_path"), model.get("path")
    name = model.get("name") or hub_id or path
    if isinstance(name, str) and name.strip("/"):
        found["model_name"] = name.rstrip("/").rpartition("/")[2]
    if isinstance(hub_id, str) and "/" in hub_id:
        found["model_tokenizer"] = hub_id
    return found
