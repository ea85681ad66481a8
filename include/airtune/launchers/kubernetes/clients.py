"""The pods of a slot's clients: removed, and seen gone."""

import time
from collections.abc import Iterable

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, ApiRefused
from airtune.launchers.kubernetes.lookup import found
from airtune.records import Failure, FailureClass

_GRACE_S = 1
_GONE_WITHIN_S = 60.0
_POLL_S = 0.1
_CONFLICT, _NOT_FOUND = 409, 404


def end_clients(
    api: Api, namespace: str, installation: str, run: str, slot: int, attempt: int
) -> int:
    """Remove the client pods that ``attempt`` and earlier ones have; how many were running.

    Raises:
        ApiRefused: they may not be asked for or removed.
        TrialFailed: ``infrastructure``: one is still there after a minute.
    """
    of_slot = {"run": run, "slot": str(slot), "role": "client"}
    pods = [
        one
        for one in found(api, "kubernetes", installation, namespace, **of_slot)
        if one.kind == "Pod" and one.attempt <= attempt and not one.controlled
    ]
    remove_pods(api, namespace, [(one.name, one.uid) for one in pods])
    return sum(one.alive for one in pods)


def remove_pods(api: Api, namespace: str, pods: Iterable[tuple[str, str]]) -> None:
    """End and remove these very pods (name, uid) and see them gone; idempotent.

    Raises:
        ApiRefused: one may not be asked for or removed.
        TrialFailed: ``infrastructure``: one is still there after a minute.
    """
    left = list(pods)
    for name, uid in left:
        options = {"preconditions": {"uid": uid}, "gracePeriodSeconds": _GRACE_S}
        try:
            api.delete(paths.pods(namespace, name), options)
        except ApiRefused as error:
            if error.status not in {_CONFLICT, _NOT_FOUND}:
                raise
    deadline = time.monotonic() + _GONE_WITHIN_S
    while left := [one for one in left if _is_there(api, namespace, *one)]:
        if time.monotonic() > deadline:
            raise TrialFailed(
                Failure(
                    failure_class=FailureClass.INFRASTRUCTURE,
                    reason=f"The client's pod {left[0][0]} in the namespace {namespace} was not "
                    f"gone {_GONE_WITHIN_S:.0f} s after its deletion. Look for finalizers, and "
                    "for a node that is away.",
                )
            )
        time.sleep(_POLL_S)


def _is_there(api: Api, namespace: str, name: str, uid: str) -> bool:
    try:
        return bool(api.get(paths.pods(namespace, name))["metadata"]["uid"] == uid)
    except ApiRefused as error:
        if error.status == _NOT_FOUND:
            return False
        raise
