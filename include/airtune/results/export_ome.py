"""A trial as OME's InferenceService: model, runtime, and the arguments of the engine's runner."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airtune.engines import get_engine
from airtune.engines.parallelism import FIELDS
from airtune.errors import Problem, TaskError
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.pod_values import (
    node_selector_of,
    resources_of,
    tolerations_of,
)
from airtune.records import ParamValue
from airtune.results.docker_run import image_of
from airtune.results.export_pod import options_of
from airtune.results.export_trial import Exported, arguments_of, heading, literal, variables
from airtune.settings import Settings
from airtune.study.servers import Servers, model_path
from airtune.study.spaces import search_of
from airtune.task import Task
from airtune.task.kubernetes import KubernetesOptions
from airtune.task.names import ENGINE_SPELLINGS, ENGINES

_OTHER_WORLD = (
    "It was measured without OME. The runtime has to bring model path, host and port in its "
    "command: args of its own are replaced by these."
)

_SERVED_AS = ("--served-model-name", "--alias")
"""The one flag that the launcher adds, where requests use another name than the runtime."""


def ome_values(trial: Exported, task: Task, settings: Settings) -> dict[str, Any]:
    """Values of ``inference_service.yaml.j2``.

    Raises:
        TaskError: the task names no serving runtime, or OME would not take a word as it is.
    """
    runtime = _runtime(task)
    inside = task.launcher == "ome"
    args = runner_args(trial, task, settings) if inside else _own_words(trial, task)
    literals = variables(task)
    env = _environment(literals, task)
    image = "" if inside else image_of(task)
    _refuse_braces((*args, *literals.values()), task)
    options = options_of(trial, task)
    amounts = _amounts(options, task, args)
    return heading(trial, task) | {
        "model": {"name": task.model.name, "kind": task.ome.model_kind},
        "runtime": {"name": runtime, "kind": task.ome.runtime_kind},
        "args": [literal(word, task) for word in args],
        "env": env,
        "image": image,
        "resources": amounts,
        "runner": bool(args or env or image or amounts),
        "node_selector": node_selector_of(options, 1 if options.gpu_product else 0),
        "tolerations": tolerations_of(options.tolerations),
        "image_pull_secrets": [{"name": name} for name in options.image_pull_secrets],
        "notes": list(_notes(task)),
    }


def _notes(task: Task) -> Iterator[str]:
    if task.launcher != "ome":
        yield _OTHER_WORLD
    if task.kubernetes.tolerations:
        yield "The tolerations replace those of the runtime."
    if task.kubernetes.template:
        yield f"What the task's own template {task.kubernetes.template} adds is not in it."


def runner_args(trial: Exported, task: Task, settings: Settings) -> list[str]:
    """The runner's args of an OME trial; empty where the runtime ran unmodified.

    The pod's command line is the runtime's ``command`` and these. Where its end is not recorded,
    all after the engine's program is taken: flags of the command are then there twice, with equal
    values.
    """
    words = list(trial.argv)
    named = words[-1:] == [task.benchmark.model_name] and words[-2] in _SERVED_AS
    if not named and not _own(trial, task, settings):
        return []
    command = trial.identity.get("runtime_command")
    if isinstance(command, list):
        return words[len(command) :]
    return arguments_of(trial, task)[1]


def _own(trial: Exported, task: Task, settings: Settings) -> tuple[str, ...]:
    """The words that the task asked for; none: the runtime unmodified."""
    engine = get_engine(task.engine)
    servers = Servers(task, engine, search_of(task, engine).fixed, model_path(task, settings))
    configuration: dict[str, ParamValue] = dict(trial.parameters)
    try:
        return servers.server(configuration).own
    except ValueError as error:
        problem = Problem("trial", trial.trial_id, "does not fit the task:", str(error))
        raise TaskError([problem], task.task_name) from None


def _own_words(trial: Exported, task: Task) -> list[str]:
    """The arguments of a server of another launcher, without model path, host and port."""
    engine = get_engine(task.engine)
    args = arguments_of(trial, task)[1]
    return args[len(engine.identity("model", "name", "host")) :]


def _environment(literals: Mapping[str, str], task: Task) -> list[Json]:
    """The task's, the baseline's too; the hub's token is only named, as the launcher does."""
    found: list[Json] = [{"name": name, "value": value} for name, value in literals.items()]
    secret = task.kubernetes.hf_token_secret
    if secret and "HF_TOKEN" not in literals:
        source = {"secretKeyRef": {"name": secret.name, "key": secret.key}}
        found.append({"name": "HF_TOKEN", "valueFrom": source})
    return found


def _amounts(options: KubernetesOptions, task: Task, args: list[str]) -> dict[str, dict[str, str]]:
    """Merged by OME into the runtime's, where a GPU's request must stay equal to its limit."""
    gpus = options.gpus or 0
    said = _says_gpus(task, args) and (gpus or task.launcher == "ome")
    gpu = {options.gpu_resource: str(gpus)} if said else {}
    found = {kind: one | gpu for kind, one in resources_of(options, 0).items()}
    return {kind: one for kind, one in found.items() if one}


def _says_gpus(task: Task, args: list[str]) -> bool:
    """False: the runtime's own number is right, since nothing says how the server is split."""
    flags = {f"--{flag}" for flag in FIELDS[task.engine].values()}
    split = any(word.partition("=")[0] in flags for word in args)
    return task.launcher != "ome" or task.kubernetes.gpus is not None or split


def _refuse_braces(words: Iterable[str], task: Task) -> None:
    for word in words:
        if "{{" in word:
            reason = "has {{ in it, which OME takes for a template of its own."
            fix = "Write it without, or export a deployment."
            raise TaskError([Problem("argument", word, reason, fix)], task.task_name)


def _runtime(task: Task) -> str:
    named = task.base_runtime or ""
    if not named or named.lower() in {*ENGINES, *ENGINE_SPELLINGS}:
        reason = "names no serving runtime of OME."
        fix = "Write the name of a (Cluster)ServingRuntime, or export a deployment."
        raise TaskError([Problem("base_runtime", task.base_runtime, reason, fix)], task.task_name)
    return named
