"""A server's order as the values of the InferenceService's template; nothing is asked here."""

import math
from collections.abc import Mapping
from typing import Any

from airtune.engines import get_engine
from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.pod_values import node_selector_of, resources_of, tolerations_of
from airtune.launchers.launcher import Order
from airtune.launchers.ome.arguments import gpus_of, runner_args
from airtune.launchers.ome.runtime import Runner
from airtune.records import Failure, FailureClass
from airtune.settings import Settings

PORT = "airtune/port"
"""Annotation: the port of the engine's Service, which only the runtime knows."""

_GRACE_S = 5
_PROBE_S = 2
_BACKENDS = {"sglang": "sglang"}
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")


def service_values(order: Order, runner: Runner, settings: Settings) -> dict[str, Any]:
    """Everything that ``inference_service.yaml.j2`` and templates like it may use; JSON values.

    Raises:
        TrialFailed: ``invalid_config``: the runtime cannot take the arguments.
    """
    options = order.kubernetes
    gpus = _gpus(order, runner)
    role = "server"
    return {
        "name": names.object_name(settings.installation, order.run, order.slot, role),
        "namespace": order.model.namespace,
        "labels": names.labels_of(
            settings.installation, order.run, order.slot, order.attempt, role, order.trial_id
        ),
        "annotations": {PORT: str(runner.port)},
        "model": {"name": order.model.name, "kind": order.ome.model_kind},
        "runtime": {"name": order.runtime, "kind": order.ome.runtime_kind},
        "args": list(args_of(order, runner)),
        "env": env_of(order),
        "grace_s": _GRACE_S,
        "image_pull_policy": _pull_policy(order),
        "image_pull_secrets": [{"name": name} for name in options.image_pull_secrets],
        "node_selector": node_selector_of(options, 1 if gpus is None else gpus),
        "tolerations": _tolerations(order, runner),
        "resources": _resources(order, gpus),
        "startup_probe": startup_probe(runner, order.start_limit_s),
    }


def args_of(order: Order, runner: Runner) -> tuple[str, ...]:
    """The runner's args; empty: the runtime unmodified.

    Raises:
        TrialFailed: ``invalid_config``: the engine would not see them, or OME would change them.
    """
    engine = get_engine(order.server.engine)
    args = runner_args(runner, engine, order.server.own, order.server.model_name)
    if args and runner.trouble:
        raise TrialFailed(refused_runtime(order.ome.runtime_kind, order.runtime, runner.trouble))
    for word in (*args, *order.server.env.values()):
        if "{{" in word:
            reason = (
                f"{word!r} has {{{{ in it, which OME takes for a template of its own: write the "
                "value without, for example as a file in the image."
            )
            raise TrialFailed(Failure(failure_class=FailureClass.INVALID_CONFIG, reason=reason))
    return args


def refused_runtime(kind: str, name: str, trouble: str) -> Failure:
    """Why arguments cannot be handed to a runtime, and what to do."""
    return Failure(
        failure_class=FailureClass.INVALID_CONFIG,
        reason=f"The {kind} {name} {trouble}, so an InferenceService cannot hand the engine its "
        "arguments. Name a runtime whose engineConfig.runner has an argv list as its command, or "
        "have airtune make one: ome.runtime_spec.",
    )


def env_of(order: Order) -> list[Json]:
    """What is added to the runtime's environment; a token is only named.

    A BenchmarkJob takes genai-bench's backend from PROTOCOL_VERSION of the InferenceService, and
    its default does not ask the engine to keep to the length of the answer.
    """
    literal = dict(order.server.env)
    if order.ome.output_claim is not None:
        literal["PROTOCOL_VERSION"] = _BACKENDS.get(order.server.engine, "vllm")
    found: list[Json] = [{"name": name, "value": value} for name, value in sorted(literal.items())]
    secret = order.kubernetes.hf_token_secret
    if secret and "HF_TOKEN" not in literal:
        source = {"secretKeyRef": {"name": secret.name, "key": secret.key}}
        found.append({"name": "HF_TOKEN", "valueFrom": source})
    return found


def startup_probe(runner: Runner, start_limit_s: float) -> dict[str, Any]:
    """Asks often until the engine is up; bundled runtimes ask once a minute.

    Later probes stay the runtime's: they may make the engine work, and it is measured then. Empty
    where the runtime has no probe: OME then looks at the port every 10 s.
    """
    probe: Mapping[str, Any] = runner.startup_probe or runner.readiness_probe
    if not probe:
        return {}
    # Merged into the runtime's own startup probe; a zero would not be.
    own = {} if runner.startup_probe else {name: probe[name] for name in _HANDLERS if name in probe}
    return own | {
        "initialDelaySeconds": 1,
        "periodSeconds": _PROBE_S,
        "timeoutSeconds": int(probe.get("timeoutSeconds") or 1),
        "successThreshold": 1,
        "failureThreshold": math.ceil(start_limit_s / _PROBE_S) + 1,
    }


def _gpus(order: Order, runner: Runner) -> int | None:
    engine = get_engine(order.server.engine)
    try:
        return gpus_of(runner, engine, order.server.own, order.kubernetes.gpus)
    except ValueError as error:
        reason = f"With what the runtime {order.runtime} says beside it: {error}"
        failure = Failure(failure_class=FailureClass.INVALID_CONFIG, reason=reason)
        raise TrialFailed(failure) from None


def _resources(order: Order, gpus: int | None) -> dict[str, Any]:
    """Only what differs from the runtime's; a GPU's request must equal its limit."""
    found = resources_of(order.kubernetes, 0)
    if gpus is not None:
        found = {
            part: amounts | {order.kubernetes.gpu_resource: str(gpus)}
            for part, amounts in found.items()
        }
    return {part: amounts for part, amounts in found.items() if amounts}


def _tolerations(order: Order, runner: Runner) -> list[Json]:
    """The runtime's, too: OME replaces the list whole."""
    ours = tolerations_of(order.kubernetes.tolerations)
    theirs = [dict(one) for one in runner.tolerations]
    return [*theirs, *(one for one in ours if one not in theirs)] if ours else []


def _pull_policy(order: Order) -> str:
    policy = order.kubernetes.image_pull_policy
    return "" if policy == "IfNotPresent" else policy
