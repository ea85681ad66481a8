"""OME's serving runtime of a task, as plan needs to know it."""

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airtune.launchers.kubernetes.api import Api, Json
    from airtune.study.servers import Runtime
    from airtune.task import Task


def runtime_of(task: "Task", api: "Api") -> "Runtime | None":
    """The runtime as it stands in the cluster, else as the task brings it.

    Returns:
        None outside OME, and where there is no runtime of that name, which ``check_cluster`` tells.

    Raises:
        TrialFailed: ``infrastructure``: the cluster does not answer.
    """
    from airtune.launchers.kubernetes.refusal import reaching
    from airtune.launchers.ome.runtime import Runner
    from airtune.launchers.ome.shared import holds
    from airtune.study.servers import Runtime

    if task.launcher != "ome":
        return None
    with reaching("the cluster"):
        found = runtime_there(task, api)
    if found is None:
        return None
    gpus = gpus_of_runtime(found, task.kubernetes.gpu_resource)
    # The task's own spec is in the plan keys as it is; another's under that name is used instead.
    wanted = task.ome.runtime_spec
    ours = wanted is not None and holds(found.get("spec"), wanted)
    revision = "" if ours else _hash(found.get("spec"))
    return Runtime(Runner.of(found), devices=gpus or None, revision=revision)


def runtime_there(task: "Task", api: "Api") -> "Json | None":
    """The object, or one of the task's own spec; None if there is neither, or it is forbidden.

    Raises:
        ApiRefused: the API server does not answer.
    """
    from airtune.launchers.kubernetes.api import ApiRefused
    from airtune.launchers.ome.runtime import read_runtime

    kind, namespace, name = task.ome.runtime_kind, task.model.namespace, task.base_runtime or ""
    try:
        return read_runtime(api, kind, namespace, name)
    except ApiRefused as error:
        if error.status not in {403, 404}:
            raise
    return None if task.ome.runtime_spec is None else {"spec": task.ome.runtime_spec}


def gpus_of_runtime(runtime: "Json", resource: str) -> int:
    """How many GPUs its engine's container asks for."""
    engine = (runtime.get("spec") or {}).get("engineConfig") or {}
    resources = (engine.get("runner") or {}).get("resources") or {}
    asked = (resources.get("requests") or {}) | (resources.get("limits") or {})
    text = str(asked.get(resource, "0"))
    return int(text) if text.isdecimal() else 0


def _hash(spec: object) -> str:
    text = json.dumps(spec, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
