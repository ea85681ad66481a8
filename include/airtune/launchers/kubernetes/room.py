"""Waiting for a namespace's quota to let a server be created."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.endpoint import Endpoints
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.quantity import quantity
from airtune.launchers.kubernetes.quota import capacity_of_refusal
from airtune.launchers.kubernetes.refusal import quota_of
from airtune.launchers.launcher import Order, StillStarting
from airtune.launchers.probe import Pending
from airtune.records import Endpoint, Failure, FailureClass

_POLL_S = 1.0


@dataclass(frozen=True)
class Room:
    """One order's waiting for room, over several processes if need be.

    Attributes:
        owner: manifest of what is to be created.
        expected: the endpoint without uid of a process that has waited before.
    """

    endpoints: Endpoints
    order: Order
    owner: Json
    expected: Endpoint | None

    def wait(self, create: Callable[[], Json], until: float) -> Endpoint:
        """The endpoint of what ``create`` has made as soon as there is room for it.

        Args:
            until: when this process stops waiting, on the clock of ``time.monotonic``.

        Raises:
            ApiRefused: it was refused for something else.
            TrialFailed: ``invalid_config``: the quota can never hold it; ``infrastructure``: no
                room in the capacity's time.
            StillStarting: patience is over, that time is not.
        """
        since = Handle.of(self.expected).since if self.expected else time.time()
        said = False
        while True:
            try:
                return self.endpoints.of(create())
            except ApiRefused as error:
                pending = self._judged(error, since)
                refusal = error.message
            if not said:
                self.order.say(pending.reason)
                said = True
            if time.monotonic() + _POLL_S > until:
                endpoint = self.endpoints.of(self.owner, quota=refusal, since=since)
                raise StillStarting(endpoint, since + self.order.capacity_limit_s)
            time.sleep(_POLL_S)

    def _judged(self, error: ApiRefused, since: float) -> Pending:
        found = capacity_of_refusal(error, self.order.model.namespace)
        if found is None:
            raise error
        if isinstance(found, Failure):
            raise TrialFailed(found) from error
        if time.time() > since + self.order.capacity_limit_s:
            reason = (
                f"No room for the server in {self.order.capacity_limit_s:.0f} s: {found.reason}. "
                "Free some of the quota, have it raised, or raise timeouts.capacity_s."
            )
            failure = Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason)
            raise TrialFailed(failure) from error
        return found


def has_room(api: Api, handle: Handle) -> Pending | None:
    """None if it is worth trying to create a server that a quota has refused; nothing is created.

    Args:
        handle: one without uid.

    Raises:
        ApiRefused: the quota may not be read.
    """
    quota = quota_of(ApiRefused(403, "Forbidden", handle.quota))
    if quota is None:
        return None
    path = paths.path_of("v1", "ResourceQuota", handle.namespace, quota.name)
    try:
        status = api.get(path).get("status") or {}
    except ApiRefused as error:
        if error.status == 404:
            return None
        raise
    hard, used = status.get("hard") or {}, status.get("used") or {}
    for name, wanted in quota.requested.items():
        if name not in hard:
            continue
        if quantity(used.get(name, "0")) + quantity(wanted) > quantity(hard[name]):
            return Pending(
                reason=f"the quota {quota.name} has {used.get(name, '0')} of {hard[name]} {name} "
                f"in use, and {wanted} are needed"
            )
    return None
