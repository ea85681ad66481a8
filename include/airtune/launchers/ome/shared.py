"""Model and runtime that a run's servers share: made where a task brings them, removed after."""

import time

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.launcher import Order
from airtune.launchers.ome.installed import MODELS, RUNTIMES, SERVICE, VERSION, ome_path
from airtune.records import Failure, FailureClass
from airtune.task.ome import Spec

_USED_BY = "airtune/used-by-"
_TRIES = 20
_PAUSE_S = 0.5

_ROLES = frozenset({"model", "runtime"})


def ensure_shared(api: Api, order: Order, installation: str) -> None:
    """Have the model and then the runtime of ``order`` there, before any InferenceService.

    What airtune makes carries a label for each run that uses it; what was there before is used as
    it is, and never labelled or removed.

    Raises:
        ApiRefused: the API server did.
        TrialFailed: ``invalid_config``: one is not there, or another run has made it otherwise.
    """
    ome, namespace = order.ome, order.model.namespace
    for role, kind, name, spec in (
        ("model", ome.model_kind, order.model.name, ome.model_spec),
        ("runtime", ome.runtime_kind, order.runtime, ome.runtime_spec),
    ):
        if spec is not None:
            _ensure(api, _manifest(order, installation, role, kind, name, spec))
        elif absent(api, kind, namespace, name):
            raise TrialFailed(not_there(kind, namespace, name))


def release(api: Api, installation: str, run: str, namespace: str = "") -> int:
    """The run no longer uses what airtune has made; what nobody uses is deleted; how many were.

    Idempotent. Runtimes go before models. A cluster without OME has nothing to release. What an
    InferenceService refers to stays: without its model OME can never delete that.

    Args:
        run: ``<dag_id>/<run_id>``.
        namespace: where to look for kinds that live in one; empty: in all of them, which needs
            the right to list them everywhere.

    Raises:
        ApiRefused: the API server did.
        TrialFailed: ``infrastructure``: an InferenceService still uses one; try again later.
    """
    return sum(
        _release(api, kind, namespace, one, _USED_BY + names.run_hash(run))
        for kind in (*RUNTIMES, *MODELS)
        for one in _made(api, kind, installation, namespace)
    )


def users(api: Api, installation: str, namespace: str = "") -> frozenset[str]:
    """Hashes (``names.run_hash``) of the runs that use what this installation has made.

    Raises:
        ApiRefused: the API server did.
    """
    return frozenset(
        label.removeprefix(_USED_BY)
        for kind in (*RUNTIMES, *MODELS)
        for one in _made(api, kind, installation, namespace)
        for label in _labels(one)
        if label.startswith(_USED_BY)
    )


def absent(api: Api, kind: str, namespace: str, name: str) -> bool:
    """True if there is no such object, or it is being deleted.

    Raises:
        ApiRefused: it could not be asked.
    """
    try:
        return "deletionTimestamp" in api.get(ome_path(kind, namespace, name))["metadata"]
    except ApiRefused as error:
        if error.status != 404:
            raise
        return True


def not_there(kind: str, namespace: str, name: str) -> Failure:
    """A model or runtime that is missing."""
    where = "the cluster" if kind.startswith("Cluster") else f"the namespace {namespace}"
    role = "model" if kind.endswith("Model") else "runtime"
    field = "model.name" if role == "model" else "base_runtime"
    return Failure(
        failure_class=FailureClass.INVALID_CONFIG,
        reason=f"There is no {kind} {name} in {where}: create it, name another one in {field}, or "
        f"give its spec in ome.{role}_spec.",
    )


def holds(found: object, wanted: object) -> bool:
    """True if ``found`` says all that is wanted; the schema and OME's agent add to it."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and holds(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(holds, found, wanted))
    return found == wanted


def _manifest(order: Order, installation: str, role: str, kind: str, name: str, spec: Spec) -> Json:
    labels = {
        names.INSTALLATION: names.label_value(installation),
        names.ROLE: role,
        _USED_BY + names.run_hash(order.run): "1",
    }
    metadata: Json = {
        "name": name,
        "labels": labels,
        "annotations": names.annotations_of(installation, order.run),
    }
    if not kind.startswith("Cluster"):
        metadata["namespace"] = order.model.namespace
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _ensure(api: Api, wanted: Json) -> None:
    """Make it or join those that use it; a name is a lock, so two runs cannot both make it."""
    kind, metadata = wanted["kind"], wanted["metadata"]
    namespace = metadata.get("namespace", "")
    for _ in range(_TRIES):
        try:
            found = api.get(ome_path(kind, namespace, metadata["name"]))
            if _joined(api, found, wanted):
                return
        except ApiRefused as error:
            if error.status == 404 and _created(api, ome_path(kind, namespace), wanted):
                return
            if error.status not in {404, 409}:
                raise
        time.sleep(_PAUSE_S)
    reason = f"The {kind} {metadata['name']} is being deleted and does not go; see what holds it."
    raise TrialFailed(Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason))


def _created(api: Api, collection: str, wanted: Json) -> bool:
    """False: it has come into being meanwhile."""
    try:
        api.post(collection, wanted, fieldValidation="Strict")
    except ApiRefused as error:
        if error.status != 409:
            raise
        return False
    return True


def _joined(api: Api, found: Json, wanted: Json) -> bool:
    """True: it can be used; False: it is on its way out."""
    metadata, ours = found["metadata"], wanted["metadata"]["labels"]
    if "deletionTimestamp" in metadata:
        return False
    mine = _labels(found).get(names.INSTALLATION) == ours[names.INSTALLATION]
    if not mine or names.ROLE not in _labels(found):
        return True  # somebody's own: used as it is
    if not holds(found["spec"], wanted["spec"]):
        raise TrialFailed(_differs(found))
    if not ours.items() <= _labels(found).items():
        version = metadata["resourceVersion"]
        body = {"metadata": {"labels": ours, "resourceVersion": version}}
        api.patch(ome_path(found["kind"], metadata.get("namespace", ""), metadata["name"]), body)
    return True


def _differs(found: Json) -> Failure:
    kind, name = found["kind"], found["metadata"]["name"]
    role = found["metadata"]["labels"][names.ROLE]
    return Failure(
        failure_class=FailureClass.INVALID_CONFIG,
        reason=f"Another run of airtune has made the {kind} {name} with another spec and still "
        f"uses it: give yours another name, or the same ome.{role}_spec.",
    )


def _release(api: Api, kind: str, namespace: str, one: Json, label: str) -> int:
    metadata = one["metadata"]
    path = ome_path(kind, metadata.get("namespace", namespace), metadata["name"])
    for _ in range(_TRIES):
        try:
            if not _has_user(one, besides=label):
                _require_unreferenced(api, one, namespace)
            if label in _labels(one):
                one = api.patch(path, {"metadata": {"labels": {label: None}}})
            if _has_user(one):
                return 0
            held = {key: one["metadata"][key] for key in ("uid", "resourceVersion")}
            api.delete(path, {"preconditions": held})
            return 1
        except ApiRefused as error:
            if error.status == 404:
                return 0
            if error.status != 409:
                raise
        try:  # changed meanwhile: perhaps another run has joined
            one = api.get(path)
        except ApiRefused as error:
            if error.status != 404:
                raise
            return 0
    return 0  # busy; the reaper comes again


def _has_user(one: Json, besides: str = "") -> bool:
    return any(key.startswith(_USED_BY) and key != besides for key in _labels(one))


def _require_unreferenced(api: Api, one: Json, namespace: str) -> None:
    kind, name = one["kind"], one["metadata"]["name"]
    part = "model" if kind in MODELS else "runtime"
    for service in _listed(api, SERVICE, namespace):
        named = service["spec"].get(part) or {}
        if (named.get("kind"), named.get("name")) == (kind, name):
            user = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
            reason = (
                f"The {kind} {name} that airtune has made is kept: the InferenceService {user} "
                "refers to it, and OME cannot delete that without it. Delete the InferenceService "
                f"first, or take the label {names.INSTALLATION} off the {kind} to keep both."
            )
            raise TrialFailed(Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason))


def _made(api: Api, kind: str, installation: str, namespace: str) -> list[Json]:
    found = _listed(api, kind, namespace, labelSelector=names.selector(installation))
    # Items of a list do not say what they are.
    return [{"kind": kind} | one for one in found if _labels(one).get(names.ROLE) in _ROLES]


def _listed(api: Api, kind: str, namespace: str, **query: str) -> list[Json]:
    try:
        items: list[Json] = api.get(ome_path(kind, namespace), **query)["items"]
    except ApiRefused as error:
        if error.status != 404:
            raise
        return []
    return items


def _labels(one: Json) -> dict[str, str]:
    return one["metadata"].get("labels") or {}
