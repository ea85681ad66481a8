"""A namespace's quota that refuses a pod: will there be room, or never?"""

from collections.abc import Mapping
from typing import Literal

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.events import quoted
from airtune.launchers.kubernetes.quantity import quantity
from airtune.launchers.kubernetes.refusal import Quota, quota_of
from airtune.launchers.probe import Pending
from airtune.records import Failure, FailureClass

_UNSAID = "failed quota: "
"""How a quota refuses a pod that does not say how much it needs of a resource."""


def over_quota(refused: ApiRefused | str) -> tuple[Literal["never", "wait"], str] | None:
    """Whether a pod that a quota refuses may be taken later, and a sentence; None: no quota.

    Args:
        refused: of the pod's creation, or the text of a ``FailedCreate`` event, which says the
            same about a pod that a controller wanted to make.
    """
    text = refused if isinstance(refused, str) else refused.message
    if _UNSAID in text:
        return "never", (
            f"The namespace's quota wants to know what the server needs: {quoted(text)}. Write it "
            "in kubernetes.requests and kubernetes.limits."
        )
    quota = quota_of(ApiRefused(403, "Forbidden", text))
    if quota is None:
        return None
    beyond = {
        name: amount
        for name, amount in quota.requested.items()
        if name in quota.limited and _more(amount, quota.limited[name])
    }
    if beyond:
        return "never", (
            f"The quota {quota.name} can never hold it: it asks for {_pairs(beyond)}, and the "
            f"limit is {_pairs(quota.limited, beyond)}. Ask for less (kubernetes.requests, limits "
            "or gpus), or have the quota raised."
        )
    return "wait", (
        f"the quota {quota.name} is used up: {_pairs(quota.requested)} asked for, {_used(quota)}"
    )


def capacity_of_refusal(error: ApiRefused, namespace: str) -> Failure | Pending | None:
    """What a refused creation means for the waiting for capacity.

    Returns:
        ``Pending``: a quota has no room now; ask again, until the capacity's time is over. A
        ``Failure``: it never will (``invalid_config``). None: no quota has refused it.
    """
    found = over_quota(error)
    if found is None:
        return None
    verdict, sentence = found
    if verdict == "wait":
        return Pending(reason=f"waiting for capacity in the namespace {namespace}: {sentence}")
    reason = f"{sentence} (namespace {namespace})"
    return Failure(failure_class=FailureClass.INVALID_CONFIG, reason=reason)


def _more(requested: str, limit: str) -> bool:
    try:
        return quantity(requested) > quantity(limit)
    except ValueError:  # a form of a later Kubernetes: then it is waited for
        return False


def _used(quota: Quota) -> str:
    return ", ".join(
        f"{quota.used.get(name, '?')} of {limit} {name} in use"
        for name, limit in quota.limited.items()
    )


def _pairs(amounts: Mapping[str, str], names: Mapping[str, str] | None = None) -> str:
    wanted = amounts if names is None else {name: amounts[name] for name in names}
    return ", ".join(f"{name} {amount}" for name, amount in wanted.items())
