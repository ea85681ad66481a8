"""Asking the API server whether it would take a run's objects, before anything is started."""

from airtune.errors import Problem
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.quota import capacity_of_refusal
from airtune.launchers.kubernetes.refusal import failure_of, rule_of
from airtune.launchers.probe import Pending
from airtune.records import Failure

_CONFLICT = 409
_NAMESPACE = "model.namespace"


def problems(api: Api, objects: list[Json], where: str = "the cluster") -> list[Problem]:
    """What a strict server-side dry run of these objects finds; admission webhooks included.

    Waiting for capacity is normal: a quota is a problem only if it can never hold the object.

    Args:
        where: the cluster, for the texts.

    Raises:
        ApiRefused: the API server cannot be reached.
    """
    found: list[Problem] = []
    for one in objects:
        problem = _problem(api, one, where)
        if problem is not None and problem not in found:
            found.append(problem)
    return found


def _problem(api: Api, manifest: Json, where: str) -> Problem | None:
    try:
        api.post(paths.collection_of(manifest), manifest, dryRun="All", fieldValidation="Strict")
    except ApiRefused as error:
        if error.status in {0, 401} or error.status >= 500:
            raise
        return _judged(error, manifest, where)
    return None


def _judged(error: ApiRefused, manifest: Json, where: str) -> Problem | None:
    if error.status == _CONFLICT:  # there already: then it was taken
        return None
    capacity = capacity_of_refusal(error, manifest["metadata"].get("namespace", ""))
    if isinstance(capacity, Pending):
        return None
    reason = failure_of(error, where).reason if capacity is None else capacity.reason
    field, metadata = _field(error, capacity), manifest["metadata"]
    if field == _NAMESPACE:  # the same for all objects
        return Problem(field, metadata.get("namespace"), reason, "")
    return Problem(field, f"{manifest['kind']} {metadata['name']}", reason, "")


def _field(error: ApiRefused, capacity: Failure | None) -> str:
    if capacity is not None:
        return "kubernetes.limits"
    return _NAMESPACE if error.status == 404 or rule_of(error) else "kubernetes"
