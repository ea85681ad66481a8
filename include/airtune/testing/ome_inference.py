"""One look at an InferenceService: what it asks for is made, and its status written."""

from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_api import OME, OmeApi, namespaced
from airtune.testing.ome_conditions import is_ready, status_of
from airtune.testing.ome_events import tell
from airtune.testing.ome_lookup import Refused, model_of, runtime_of
from airtune.testing.ome_merge import Json
from airtune.testing.ome_names import PORT, annotations, engine_name, labels
from airtune.testing.ome_runtime import merged_engine, pod_spec
from airtune.testing.ome_service import deployment, engine_service, outer_service


def reconcile(api: OmeApi, service: Mapping[str, Any]) -> None:
    """Bring the cluster to what ``service`` says.

    Raises:
        Refused: it cannot be served; an Event has told it, its status says nothing.
        ApiRefused: the API server refused something.
    """
    path = namespaced(OME, "inferenceservices", *_of(service))
    try:
        made = _make(api, service)
    except Refused as refused:
        tell(api, service, "Warning", refused.reason, str(refused))
        raise
    port = PORT if made is None else made[1]
    status = status_of(service, made and made[0], port)
    if made is not None:
        outer = outer_service(service, port)
        api.apply(namespaced("/api/v1", "services", *_of(service)), outer)
    if status != service.get("status"):
        after = api.patch(f"{path}/status", {"status": status})
        _tell_change(api, service, after)


def _make(api: OmeApi, service: Mapping[str, Any]) -> tuple[Json, int] | None:
    """The Deployment as it is now, and the port; None without ``spec.engine``."""
    model = model_of(api, service)
    runtime = runtime_of(api, service, model)
    name = runtime["metadata"]["name"]
    engine = merged_engine(service, runtime["spec"])
    if engine is None:
        return None
    if engine.get("leader") or engine.get("worker"):
        raise Refused("DeploymentModeError", "the stand-in serves from one pod only")
    try:
        pod = pod_spec(engine, service, runtime["spec"], model)
    except ValueError as error:
        raise Refused("MergeSpecsError", str(error)) from None
    ours, notes = labels(service, engine, model, name), annotations(service, engine, model, name)
    namespace, _ = _of(service)
    inner = engine_service(service, pod, ours, notes)
    app = engine_name(service["metadata"]["name"])
    now = api.apply(
        namespaced("/apis/apps/v1", "deployments", namespace, app),
        deployment(service, engine, pod, ours, notes),
    )
    api.apply(namespaced("/api/v1", "services", namespace, app), inner)
    return now, int(inner["spec"]["ports"][0]["port"])


def _tell_change(api: OmeApi, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    name, was, now = after["metadata"]["name"], is_ready(before), is_ready(after)
    if now and not was:
        tell(api, after, "Normal", "InferenceServiceReady", f"{name} is ready")
    if was and not now:
        tell(api, after, "Warning", "InferenceServiceNotReady", f"{name} is no longer ready")


def _of(service: Mapping[str, Any]) -> tuple[str, str]:
    return service["metadata"]["namespace"], service["metadata"]["name"]
