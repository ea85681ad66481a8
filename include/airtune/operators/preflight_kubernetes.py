"""What a run needs of its cluster, asked before anything is started."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from airtune.errors import Problem, TaskError
from airtune.operators.foreign_spec import spec_problems
from airtune.operators.model_folder import allowed_root, system_folder
from airtune.operators.ome_runtime import gpus_of_runtime, runtime_there
from airtune.operators.preflight import client_program, refuse, tokenizer
from airtune.settings import Settings
from airtune.task.client_way import resolved_client

if TYPE_CHECKING:
    from airtune.launchers.kubernetes.api import Api, Json
    from airtune.study.plan import Plan
    from airtune.task import Task
    from airtune.task.kubernetes import KubernetesOptions

_KEPT_ON_NODES = ("/root", "/var/lib/containerd", "/var/lib/etcd", "/var/lib/kubelet", "/var/log")


def resolve(task: "Task", api: "Api", say: Callable[[str], None] = lambda text: None) -> "Task":
    """The task with the one GPU product that all of its trials run on.

    Nothing is changed where no GPU is asked for, the task names a product, or nodes may not be
    looked at.

    Args:
        say: gets what a person following the task should see.

    Raises:
        TaskError: nodes have several products, and the task names none.
        TrialFailed: ``infrastructure``: the cluster does not answer.
    """
    from airtune.launchers.kubernetes.refusal import reaching

    options = task.kubernetes
    with reaching("the cluster"):
        if options.gpu_product is not None or not _asks_for_gpus(task, api):
            return task
        products = _products(task, api, say)
    if len(products) > 1:
        raise TaskError([_several(task, products)], task.task_name)
    if not products:
        return task
    (product,) = products
    say(f"all trials run on GPUs of the product {product}")
    return task.model_copy(
        update={"kubernetes": options.model_copy(update={"gpu_product": product})}
    )


def check_cluster(
    task: "Task",
    plan: "Plan",
    settings: Settings,
    api: "Api",
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """Refuse a task that this cluster cannot run, as far as it can be known.

    Args:
        say: gets what a person following the task should see.

    Raises:
        TaskError: with every problem found; nothing is left in the cluster.
        TrialFailed: ``infrastructure``: the cluster does not answer.
    """
    from airtune.launchers.kubernetes.access import place
    from airtune.launchers.kubernetes.refusal import reaching
    from airtune.operators.preflight_objects import in_cluster, notes

    found = list(_here(task, plan, settings))
    with reaching(place(settings, task.kubernetes.kubeconfig or "")):
        found += in_cluster(task, plan, settings, api)
        for note in () if found else notes(task, api):
            say(note)
    # The same cause is often told by several questions.
    refuse(task, list({(one.path, one.reason): one for one in found}.values()))


def _here(task: "Task", plan: "Plan", settings: Settings) -> Iterator[Problem]:
    """What can be told without the cluster."""
    yield from _kubeconfig(task, settings)
    yield from allowed_root(task, settings)
    if task.launcher == "kubernetes" and task.kubernetes.model_claim is None:
        yield from system_folder(task, settings, *_KEPT_ON_NODES)
    yield from spec_problems(task, settings)
    way = resolved_client(task)
    if way != "benchmark_job":  # OME's own takes the model's
        yield from tokenizer(task, settings)
    if way == "cli":
        yield from client_program(settings)
    yield from _too_many_gpus(plan, settings)


def _kubeconfig(task: "Task", settings: Settings) -> Iterator[Problem]:
    cluster, named = settings.cluster, task.kubernetes.kubeconfig
    allowed = tuple(filter(None, (*cluster.kubeconfigs, cluster.kubeconfig)))
    if named is not None and named not in allowed:
        yield Problem(
            "kubernetes.kubeconfig",
            named,
            "is not one that a task may name: a kubeconfig can run programs.",
            f"Write one of {', '.join(allowed)}; AIRTUNE_KUBECONFIGS of the workers names them."
            if allowed
            else "Remove it, or have it added to AIRTUNE_KUBECONFIGS of the workers.",
        )


def _too_many_gpus(plan: "Plan", settings: Settings) -> Iterator[Problem]:
    most = settings.cluster.devices
    for trial in plan.trials:
        if trial.server.devices > most:
            yield Problem(
                "parameters",
                trial.label,
                f"needs {trial.server.devices} GPUs, and AIRTUNE_KUBERNETES_DEVICES lets airtune "
                f"use {most} at once.",
                "Take the value out, or raise AIRTUNE_KUBERNETES_DEVICES.",
            )
            return


def _asks_for_gpus(task: "Task", api: "Api") -> bool:
    gpus = task.kubernetes.gpus
    if gpus is not None:
        return gpus > 0
    if task.launcher == "ome":
        runtime = runtime_there(task, api)
        return runtime is not None and gpus_of_runtime(runtime, task.kubernetes.gpu_resource) > 0
    return task.engine != "llama_cpp"


def _products(task: "Task", api: "Api", say: Callable[[str], None]) -> Counter[str]:
    """Product → how many nodes that the task allows have GPUs of it."""
    from airtune.launchers.kubernetes.api import ApiRefused

    options = task.kubernetes
    try:
        nodes = api.get("/api/v1/nodes")["items"]
    except ApiRefused as error:
        if error.status != 403:
            raise
        say(
            "nodes may not be looked at, so the GPUs' product is not pinned; name it in "
            "kubernetes.gpu_product where there are several"
        )
        return Counter()
    fit = [node["metadata"].get("labels") or {} for node in nodes if _has_gpu(node, options)]
    found = Counter(
        labels[options.gpu_product_label] for labels in fit if labels.get(options.gpu_product_label)
    )
    if fit and not found:
        say(
            f"no node with {options.gpu_resource} has the label {options.gpu_product_label}, so "
            "the GPUs' product is not pinned; kubernetes.gpu_product_label names another label"
        )
    return found


def _has_gpu(node: "Json", options: "KubernetesOptions") -> bool:
    """Whether the node has GPUs, and the labels that the task asks for."""
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    labels = node["metadata"].get("labels") or {}
    has = str(allocatable.get(options.gpu_resource, "0")) != "0"
    return has and options.node_selector.items() <= labels.items()


def _several(task: "Task", products: Counter[str]) -> Problem:
    listed = ", ".join(f"{name} ({count} nodes)" for name, count in products.most_common())
    first = products.most_common(1)[0][0]
    return Problem(
        "kubernetes.gpu_product",
        None,
        f"is missing, and nodes have GPUs of several products: {listed}. Trials on different "
        "products are never compared.",
        f'Write for example "gpu_product": "{first}".',
    )
