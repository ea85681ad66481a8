"""What can be known of a task in OME mode before anything is started, asked of the cluster."""

from collections.abc import Iterator

from airtune.engines import Engine, get_engine
from airtune.errors import Problem
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.paths import path_of
from airtune.launchers.ome.arguments import flags_in
from airtune.launchers.ome.installed import GUIDE, JOB, SERVICE, crd_of, missing_kinds, ome_path
from airtune.launchers.ome.matching import mismatch
from airtune.launchers.ome.runtime import Runner
from airtune.records import ParamValue
from airtune.settings import Settings
from airtune.task import Task
from airtune.task.client_way import resolved_client
from airtune.task.ome import Spec
from airtune.task.parameters import Choice

JOB_MODEL_NAME = "vllm-model"
"""The model's name that OME's BenchmarkJob sends, whatever the model is called."""


def problems(api: Api, task: Task, settings: Settings) -> list[Problem]:
    """Everything that speaks against running ``task`` in this cluster.

    Raises:
        ApiRefused: something could not be asked (404 is an answer).
    """
    job = resolved_client(task) == "benchmark_job"
    if missing := missing_kinds(
        api, SERVICE, task.ome.model_kind, task.ome.runtime_kind, *([JOB] if job else [])
    ):
        crds = ", ".join(map(crd_of, missing))
        reason = f"needs OME, and the cluster lacks the custom resource definitions {crds}."
        return [Problem("launcher", task.launcher, reason, GUIDE)]
    model = _named(api, task, task.ome.model_kind, task.model.name, task.ome.model_spec)
    name = task.base_runtime or ""
    runtime = _named(api, task, task.ome.runtime_kind, name, task.ome.runtime_spec)
    found: list[Problem] = []
    if model is None:
        found.append(_absent("model.name", task.model.name, task.ome.model_kind, "model"))
    if runtime is None:
        found.append(_absent("base_runtime", name, task.ome.runtime_kind, "runtime"))
    if model and runtime and (reason := mismatch(model["spec"], runtime["spec"])):
        fix = "Name a runtime that serves this model, or correct their specs."
        text = f"does not serve the model {task.model.name}: {reason}."
        found.append(Problem("base_runtime", name, text, fix))
    if runtime:
        found += _runner(task, Runner.of(runtime))
    if job:
        found += _job(api, task, model, Runner.of(runtime or {}))
    return found


def notes(api: Api, task: Task) -> list[str]:
    """What may keep the servers waiting, and is no reason to refuse the task.

    Raises:
        ApiRefused: nodes could not be read.
    """
    kind, name, namespace = task.ome.model_kind, task.model.name, task.model.namespace
    place = "clusterbasemodel" if kind.startswith("Cluster") else f"{namespace}.basemodel"
    label = f"models.ome.io/{place}.{name}"
    if len(f"{place}.{name}") > 49:  # OME shortens it by a hash of its own
        return []
    nodes = api.get(path_of("v1", "Node"), labelSelector=f"{label}=Ready")["items"]
    if nodes:
        return []
    return [
        f"No node has the label {label}=Ready, so pods of this model stay pending: OME's model "
        "agent sets it once the model lies on a node's disk, or you do by kubectl label node."
    ]


def _named(api: Api, task: Task, kind: str, name: str, spec: Spec | None) -> Json | None:
    """The object itself, or what airtune would make; None if it is neither there nor given."""
    try:
        return api.get(ome_path(kind, task.model.namespace, name))
    except ApiRefused as error:
        if error.status != 404:
            raise
    return None if spec is None else {"spec": spec}


def _absent(path: str, name: str, kind: str, role: str) -> Problem:
    return Problem(
        path,
        name,
        f"names a {kind} that is not there.",
        f"Create it, name one that is there, or give its spec in ome.{role}_spec.",
    )


def _runner(task: Task, runner: Runner) -> Iterator[Problem]:
    if runner.trouble:
        yield Problem(
            "base_runtime",
            task.base_runtime,
            f"{runner.trouble}, so the engine would not see the arguments that are tuned.",
            "Name a runtime whose engineConfig.runner has an argv list as its command, or give "
            "one in ome.runtime_spec.",
        )
        return
    engine = get_engine(task.engine)
    flags = flags_in(runner.words, engine)
    ports = flags.get("port", ())
    if ports and ports[0].isdecimal() and int(ports[0]) != runner.port:
        yield Problem(
            "base_runtime",
            task.base_runtime,
            f"starts the engine at port {ports[0]}, and OME's Service leads to {runner.port}.",
            "Declare that port in the runner's ports.",
        )
    for path, name, values in _asked(task):
        yield from _removable(engine, runner, path, name, values)


def _asked(task: Task) -> Iterator[tuple[str, str, list[ParamValue]]]:
    for name, value in task.engine_args.items():
        yield f"engine_args.{name}", name, [value]
    for name, value in (task.baseline or {}).items():
        yield f"baseline.{name}", name, [value]
    for name, parameter in task.parameters.items():
        values = list(parameter.values) if isinstance(parameter, Choice) else []
        yield f"parameters.{name}", name, values
    for index, group in enumerate(task.linked):
        for name, column in zip(group.parameters, zip(*group.values, strict=True), strict=True):
            yield f"linked[{index}].values", name, list(column)


def _removable(
    engine: Engine, runner: Runner, path: str, name: str, values: list[ParamValue]
) -> Iterator[Problem]:
    """A flag of the runtime's command stays, whatever args are appended: it cannot be unset."""
    for value in values:
        try:
            ((flag, meant),) = engine.named({name: value}).items()
            words = engine.dialect.words(flag, meant)
        except ValueError:
            continue  # the task's own checks say so
        if not words and flag in flags_in(runner.words, engine):
            yield Problem(
                path,
                value,
                f"would unset --{flag}, which the runtime sets itself.",
                "Take it out of the runtime (or give one in ome.runtime_spec), or the value out "
                "of the task.",
            )


def _job(api: Api, task: Task, model: Json | None, runner: Runner) -> Iterator[Problem]:
    """What a BenchmarkJob needs, and what it never hands on to genai-bench."""
    yield from _claim(api, task)
    if model and not (model["spec"].get("storage") or {}).get("path"):
        yield Problem(
            "model.name",
            task.model.name,
            "names a model without spec.storage.path, from which a BenchmarkJob takes the "
            "tokenizer.",
            'Set it there, or write "client": "container".',
        )
    if task.engine == "vllm" and task.benchmark.model_name != JOB_MODEL_NAME:
        yield Problem(
            "benchmark.model_name",
            task.benchmark.model_name,
            f"cannot be asked for by a BenchmarkJob, which sends {JOB_MODEL_NAME} whatever the "
            "model is called, and vLLM refuses other names than it serves.",
            f'Write "model_name": "{JOB_MODEL_NAME}", or "client": "container".',
        )
    if task.engine == "llama_cpp" and not _uncached(task, runner):
        yield Problem(
            "benchmark.client",
            "benchmark_job",
            "cannot ask llama.cpp not to use its prompt cache: a BenchmarkJob hands no request "
            "parameters on to genai-bench.",
            'Write "engine_args": {"cache_prompt": false}, or "client": "container".',
        )


def _claim(api: Api, task: Task) -> Iterator[Problem]:
    if claim := task.ome.output_claim:
        place = path_of("v1", "PersistentVolumeClaim", task.model.namespace, claim.claim)
        try:
            api.get(place)
        except ApiRefused as error:
            if error.status == 403:  # airtune needs no right to look at claims
                return
            if error.status != 404:
                raise
            yield Problem(
                "ome.output_claim.claim",
                claim.claim,
                f"is no PersistentVolumeClaim of the namespace {task.model.namespace}; a "
                "BenchmarkJob would wait for it for ever.",
                "Create it, or name another one.",
            )


def _uncached(task: Task, runner: Runner) -> bool:
    """True where llama.cpp keeps no prompts by itself."""
    if "--no-cache-prompt" in runner.words:
        return True
    try:
        return get_engine(task.engine).named(task.engine_args).get("cache-prompt") is False
    except ValueError:
        return False  # the task's own checks say more
