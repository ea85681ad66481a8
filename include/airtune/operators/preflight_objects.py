"""What the cluster itself says about a run's objects: rights, what they name, room, a dry run."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from airtune.errors import Problem, TaskError, TrialFailed
from airtune.launchers.kubernetes import capacity, dry_run
from airtune.launchers.kubernetes.access import in_cluster as worker_in_cluster
from airtune.launchers.kubernetes.access import place
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.lookup import Kind
from airtune.launchers.kubernetes.paths import path_of
from airtune.launchers.kubernetes.pod_world import KubernetesWorld
from airtune.launchers.kubernetes.refusal import failure_of
from airtune.launchers.kubernetes.rights import Use, rights
from airtune.launchers.launcher import Order
from airtune.launchers.ome import checks
from airtune.launchers.ome.installed import SERVICE, VERSION, ome_path
from airtune.launchers.ome.world import OmeWorld
from airtune.launchers.probe import Readiness
from airtune.operators.named_objects import find, named
from airtune.operators.ome_runtime import runtime_there
from airtune.settings import Settings
from airtune.task.client_way import resolved_client

if TYPE_CHECKING:
    from airtune.launchers.kubernetes.world import World
    from airtune.study.plan import Plan
    from airtune.task import Task

_HIDDEN = frozenset({403, 404})
_BY_WEBHOOK = "admission webhook"


def in_cluster(task: "Task", plan: "Plan", settings: Settings, api: Api) -> list[Problem]:
    """Everything that speaks against the first trial, the most telling first.

    Where a right is missing the questions that need it are left out: they would only repeat it.

    Raises:
        ApiRefused: the API server does not answer.
    """
    if gone := list(_namespace(task, api)):
        return gone
    kind: Kind = "ome" if task.launcher == "ome" else "kubernetes"
    found = rights(api, task.model.namespace, kind, uses_of(task, settings))
    allowed = not found
    if task.launcher == "ome":
        found += _of_ome(task, settings, api, told=not allowed)
    found += named(task, api)
    try:
        objects = _world(task, settings).objects(api, order_of(task, plan, settings))
    except TaskError as error:
        return found + list(error.problems)
    except TrialFailed as error:
        return found or [Problem("kubernetes", None, error.failure.reason, "")]
    except ApiRefused as error:
        if error.status not in _HIDDEN:
            raise
        return found
    found += _room(task, api, objects)
    return found + (list(_dry_run(task, api, objects, settings)) if allowed else [])


def uses_of(task: "Task", settings: Settings) -> frozenset[Use]:
    """What the run's rights are for."""
    way, reach = resolved_client(task), settings.cluster.reach
    uses: set[Use] = {"servers"}
    if way != "cli":
        uses.add("container")  # a BenchmarkJob's results are fetched by a pod, too
    if way == "benchmark_job":
        uses.add("benchmark_job")
    if reach == "forward" or (reach == "auto" and not worker_in_cluster()):
        uses.add("forward")
    if task.ome.model_spec is not None or task.ome.runtime_spec is not None:
        uses.add("shared")
    return frozenset(uses)


def order_of(task: "Task", plan: "Plan", settings: Settings) -> Order:
    """An order of the first trial, which nobody is going to carry out."""
    server = plan.trials[0].server
    return Order(
        run="preflight",
        slot=0,
        attempt=1,
        generation=0,
        server=server,
        model=task.model,
        container=task.container,
        readiness=Readiness(health_path=server.health_path, model_name=server.model_name),
        devices=settings.cluster.pool[: server.devices],
        log=Path("server.log"),
        start_limit_s=task.timeouts.start_s,
        pull_limit_s=task.timeouts.pull_s,
        trial_id=0,
        capacity_limit_s=task.timeouts.capacity_s,
        kubernetes=task.kubernetes,
        ome=task.ome,
        runtime=task.base_runtime or "",
    )


def notes(task: "Task", api: Api) -> list[str]:
    """What may keep servers waiting, and is no reason to refuse the task.

    Raises:
        ApiRefused: the API server does not answer.
    """
    if task.launcher != "ome":
        return []
    try:
        return checks.notes(api, task)
    except ApiRefused as error:
        if error.status != 403:
            raise
        return []


def _of_ome(task: "Task", settings: Settings, api: Api, *, told: bool) -> list[Problem]:
    """OME's own questions; a right that is missing may have been told before."""
    try:
        return checks.problems(api, task, settings)
    except ApiRefused as error:
        if error.status != 403:
            raise
        where = place(settings, task.kubernetes.kubeconfig or "")
        reason = failure_of(error, where).reason
        return [] if told else [Problem("model.namespace", task.model.namespace, reason, "")]


def _world(task: "Task", settings: Settings) -> "World":
    return OmeWorld(settings) if task.launcher == "ome" else KubernetesWorld(settings)


def _namespace(task: "Task", api: Api) -> Iterator[Problem]:
    name = task.model.namespace
    found = find(api, path_of("v1", "Namespace", name=name))
    if found is None:
        yield Problem(
            "model.namespace",
            name,
            "is no namespace of the cluster.",
            f"Create it (kubectl create namespace {name}), or name another one.",
        )
    elif (found.get("status") or {}).get("phase") == "Terminating":
        yield Problem(
            "model.namespace", name, "is being deleted.", "Wait for it, or name another one."
        )


def _room(task: "Task", api: Api, objects: list[Json]) -> Iterator[Problem]:
    """Pods that no node could ever hold, the server's and the client's."""
    pods = [("server", "kubernetes", _pod_of(task, api, objects[0]))]
    if resolved_client(task) != "cli":
        pods.append(("client", "kubernetes.client", _client_pod(task)))
    for whose, path, pod in pods:
        if reason := capacity.never_fits(api, pod):
            yield Problem(path, None, f"The {whose}'s pod would wait for ever.", reason)


def _pod_of(task: "Task", api: Api, owner: Json) -> Json:
    """The server's pod; in OME as far as it is known: the runtime's wishes, and ours over them."""
    if owner["kind"] != SERVICE:
        return owner
    runtime = runtime_there(task, api) or {}
    theirs = (runtime.get("spec") or {}).get("engineConfig") or {}
    ours = owner["spec"]["engine"]
    resources = [(one.get("runner") or {}).get("resources") or {} for one in (theirs, ours)]
    merged = {
        part: (resources[0].get(part) or {}) | (resources[1].get(part) or {})
        for part in ("requests", "limits")
    }
    return {
        "spec": {
            "nodeSelector": (theirs.get("nodeSelector") or {}) | (ours.get("nodeSelector") or {}),
            "tolerations": ours.get("tolerations") or theirs.get("tolerations") or [],
            "containers": [{"resources": merged}],
        }
    }


def _client_pod(task: "Task") -> Json:
    client = task.kubernetes.client
    resources = {"requests": dict(client.requests), "limits": dict(client.limits)}
    return {
        "spec": {
            "nodeSelector": dict(client.node_selector),
            "tolerations": [one.model_dump(exclude_none=True) for one in client.tolerations],
            "containers": [{"resources": resources}],
        }
    }


def _dry_run(task: "Task", api: Api, objects: list[Json], settings: Settings) -> Iterator[Problem]:
    where = place(settings, task.kubernetes.kubeconfig or "")
    ours = list(_to_be_made(task, api))
    yield from dry_run.problems(api, ours, where)
    for problem in dry_run.problems(api, objects, where):
        # OME's webhook refuses a model or runtime that airtune is only going to make.
        if not (ours and _BY_WEBHOOK in problem.reason):
            yield problem


def _to_be_made(task: "Task", api: Api) -> Iterator[Json]:
    """Model and runtime that the task brings and that are not there yet."""
    if task.launcher != "ome":
        return
    ome, namespace = task.ome, task.model.namespace
    for kind, name, spec in (
        (ome.model_kind, task.model.name, ome.model_spec),
        (ome.runtime_kind, task.base_runtime or "", ome.runtime_spec),
    ):
        if spec is not None and find(api, ome_path(kind, namespace, name)) is None:
            metadata = {"name": name}
            if not kind.startswith("Cluster"):
                metadata["namespace"] = namespace
            yield {"apiVersion": VERSION, "kind": kind, "metadata": metadata, "spec": spec}
