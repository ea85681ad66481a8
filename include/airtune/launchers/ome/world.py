"""OME mode's ``World``: a server is one InferenceService, and OME makes its pods."""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Literal

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.events import events_of
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.spec import marked, of_kind, require_kinds
from airtune.launchers.kubernetes.templates import render, users_template
from airtune.launchers.launcher import Order
from airtune.launchers.ome.conditions import judged
from airtune.launchers.ome.installed import GUIDE, SERVICE, crd_of, missing_kinds, ome_path
from airtune.launchers.ome.runtime import CONTAINER, Runner, read_runtime
from airtune.launchers.ome.service_values import PORT, service_values
from airtune.launchers.ome.shared import absent, ensure_shared, not_there
from airtune.launchers.probe import Pending
from airtune.records import Failure, FailureClass
from airtune.settings import Settings

_OWN_TEMPLATE = "ome/inference_service.yaml.j2"
_AGAIN_S = 1.0
_REFERENCE = re.compile(r"\$(\$|\(([A-Za-z_.-][A-Za-z0-9_.-]*)\))")


class OmeWorld:
    """Servers as InferenceServices."""

    kind: Literal["kubernetes", "ome"] = "ome"
    container = CONTAINER

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked: dict[str, float] = {}

    def prepare(self, api: Api, order: Order) -> None:
        """Have model and runtime there, made where the task brings their specs.

        Raises:
            ApiRefused: the API server did.
            TrialFailed: ``invalid_config``: OME, the model or the runtime is not there.
        """
        _require_installed(api)
        ensure_shared(api, order, self._settings.installation)

    def objects(self, api: Api, order: Order) -> list[Json]:
        """The InferenceService of ``order``.

        Raises:
            ApiRefused: the runtime could not be read.
            TaskError: the template cannot be used.
            TrialFailed: ``invalid_config``: OME or the runtime is gone, or the runtime cannot take
                the arguments.
        """
        _require_installed(api)  # a server is started again without being prepared again
        runner = Runner.of(_runtime(api, order))
        values = service_values(order, runner, self._settings)
        name = order.kubernetes.template
        text = users_template(name, self._settings) if name else None
        name = name or _OWN_TEMPLATE
        found = render(name, values, text)
        require_kinds(found, frozenset({SERVICE}), name)
        made = of_kind(found, SERVICE, name)
        if made is None or _args(made) != values["args"]:
            raise TrialFailed(_lost(name, values["args"]))
        made = marked(made, order, self._settings)
        made["metadata"]["annotations"][PORT] = str(runner.port)
        return [made]

    def pods(self, owner: Json) -> str:
        """OME's own labels; ours are on the pods, too."""
        return f"ome.io/inferenceservice={owner['metadata']['name']},component=engine"

    def service(self, owner: Json) -> tuple[str, int]:
        """The Service that OME makes for the engine; the other one may be an ingress'."""
        metadata = owner["metadata"]
        return f"{metadata['name']}-engine", int(metadata["annotations"][PORT])

    def look(self, api: Api, handle: Handle) -> Failure | Pending | None:
        """OME's conditions and events, and whether model and runtime are still there."""
        try:
            service = api.get(self.owner_path(handle.namespace, handle.name))
        except ApiRefused as error:
            if error.status != 404:
                raise
            return _gone(api, handle)
        if service["metadata"]["uid"] != handle.uid:
            return _gone(api, handle)
        found = judged(service, events_of(api, handle.namespace, handle.uid))
        return found and (self._missing(api, service) or found)

    def argv(self, api: Api, handle: Handle, pod: Json) -> tuple[str, ...]:
        """Command and args of the engine's container, variables in place as the kubelet puts them.

        Raises:
            ApiRefused: the InferenceService could not be read.
            TrialFailed: ``invalid_config``: its arguments are not those of the InferenceService.
        """
        found = next(c for c in pod["spec"]["containers"] if c["name"] == self.container)
        wanted = _args(api.get(self.owner_path(handle.namespace, handle.name)))
        if wanted and list(found.get("args") or ()) != wanted:
            raise TrialFailed(_changed(handle, wanted, list(found.get("args") or ())))
        known = _variables(found.get("env") or ())
        words = (*(found.get("command") or ()), *(found.get("args") or ()))
        return tuple(_expanded(word, known) for word in words)

    def owner_path(self, namespace: str, name: str = "") -> str:
        """Path of an InferenceService."""
        return ome_path(SERVICE, namespace, name)

    def _missing(self, api: Api, service: Json) -> Failure | None:
        """Model or runtime removed since; OME says so late, and only in an event."""
        uid, now = service["metadata"]["uid"], time.monotonic()
        if now - self._asked.get(uid, -_AGAIN_S) < _AGAIN_S:
            return None
        self._asked[uid] = now
        namespace = service["metadata"]["namespace"]
        for part in ("model", "runtime"):
            named = service["spec"][part]
            if absent(api, named["kind"], namespace, named["name"]):
                return not_there(named["kind"], namespace, named["name"])
        return None


def _runtime(api: Api, order: Order) -> Json:
    kind, namespace = order.ome.runtime_kind, order.model.namespace
    try:
        return read_runtime(api, kind, namespace, order.runtime)
    except ApiRefused as error:
        if error.status != 404:
            raise
        if order.ome.runtime_spec is not None:  # made only once the run begins
            return {"spec": order.ome.runtime_spec}
        raise TrialFailed(not_there(kind, namespace, order.runtime)) from error


def _require_installed(api: Api) -> None:
    if missing := missing_kinds(api, SERVICE):
        raise TrialFailed(_no_ome(missing[0]))


def _no_ome(kind: str) -> Failure:
    return Failure(
        failure_class=FailureClass.INVALID_CONFIG,
        reason=f"The cluster has no custom resource definition {crd_of(kind)}. {GUIDE}",
    )


def _gone(api: Api, handle: Handle) -> Failure:
    if missing_kinds(api, SERVICE):
        return _no_ome(SERVICE)
    return Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason=f"The InferenceService {handle.namespace}/{handle.name} was removed by somebody "
        "else while it was in use.",
    )


def _args(service: Json) -> list[str]:
    engine = (service.get("spec") or {}).get("engine") or {}
    return list((engine.get("runner") or {}).get("args") or ())


def _lost(template: str, args: list[str]) -> Failure:
    return Failure(
        failure_class=FailureClass.INVALID_CONFIG,
        reason=f"The template {template} gives no InferenceService whose spec.engine.runner.args "
        f"are those of the trial ({args!r}): write args: {{{{ args }}}} there.",
    )


def _changed(handle: Handle, wanted: list[str], found: list[str]) -> Failure:
    return Failure(
        failure_class=FailureClass.INVALID_CONFIG,
        reason=f"OME gave the pods of {handle.namespace}/{handle.name} the arguments {found!r} "
        f"instead of {wanted!r}: an accelerator class or a webhook overrides them. Remove that "
        "override from the runtime, or the parameter from the task.",
    )


def _variables(env: Iterable[Json]) -> dict[str, str]:
    """Those with a plain value, which may name the ones before them."""
    known: dict[str, str] = {}
    for one in env:
        if "value" in one:
            known[one["name"]] = _expanded(one["value"], known)
    return known


def _expanded(word: str, known: Mapping[str, str]) -> str:
    """``$(NAME)`` of a variable that is known, and ``$$`` for one dollar."""
    return _REFERENCE.sub(
        lambda match: "$" if match[1] == "$" else known.get(match[2], match[0]), word
    )
