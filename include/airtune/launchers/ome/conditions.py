"""An InferenceService's conditions and events: ready, on its way, or refused by OME."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.events import Event, quoted
from airtune.launchers.kubernetes.stamps import epoch
from airtune.launchers.probe import Pending
from airtune.records import Failure, FailureClass

_REFUSALS = frozenset(
    {
        "AcceleratorClassError",
        "DeploymentModeError",
        "MergeSpecsError",
        "ModelReconcileError",
        "PredictorMigrationError",
        "RuntimeFetchError",
        "RuntimeSelectionError",
        "RuntimeValidationError",
        "ServerlessModeRejected",
    }
)
"""Reasons of events by which OME says that it cannot serve this; it tries again, for ever."""

_PASSING = re.compile(
    r"object has been modified|timeout|timed out|connection refused|etcdserver|EOF"
    # Whether model and runtime are there is asked directly: OME's word may be older than they are.
    r"|not found|No BaseModel or ClusterBaseModel",
    re.IGNORECASE,
)


def judged(service: Json, events: Iterable[Event]) -> Failure | Pending | None:
    """What OME says of an InferenceService; None: it is ready.

    The pods behind it have to be looked at all the same: a crash loop does not show here.

    Args:
        events: about it, newest last; those from before it was made do not count.
    """
    metadata = service["metadata"]
    name = f"InferenceService {metadata['name']}"
    if metadata.get("deletionTimestamp"):
        return Failure(
            failure_class=FailureClass.INFRASTRUCTURE,
            reason=f"The {name} is being deleted, and airtune did not ask for that.",
        )
    conditions = (service.get("status") or {}).get("conditions") or []
    if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
        return None
    made = epoch(metadata.get("creationTimestamp")) or 0.0
    for event in reversed(list(events)):
        if _refuses(event) and (event.last_seen or made) >= made:
            return Failure(
                failure_class=FailureClass.INVALID_CONFIG,
                reason=f"OME does not serve the {name} ({event.reason}): {quoted(event.message)}. "
                "Make model and runtime fit each other, or name others in model.name and "
                "base_runtime.",
            )
    return Pending(reason=f"{name}: {_state(conditions)}")


def _refuses(event: Event) -> bool:
    return event.warning and event.reason in _REFUSALS and not _PASSING.search(event.message)


def _state(conditions: Iterable[Mapping[str, Any]]) -> str:
    """What is not true yet; OME names few reasons."""
    texts = [
        " ".join(filter(None, (one["type"], one.get("reason"), one.get("message"))))
        for one in conditions
        if one["status"] != "True"
    ]
    return quoted("; ".join(texts)) or "OME has not looked at it yet (does its controller run?)"
