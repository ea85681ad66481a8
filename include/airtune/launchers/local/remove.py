"""Removing all that a slot has on this host, and seeing that it is gone."""

from airtune.errors import TrialFailed
from airtune.launchers.local.start import collect
from airtune.processes.place import Place
from airtune.records import Failure, FailureClass


def remove(place: Place, grace_s: float = 5.0) -> int:
    """End every server and client of this and earlier attempts; idempotent.

    Args:
        grace_s: between SIGTERM and SIGKILL.

    Returns:
        how many were still alive. All of them are gone then, and none can start any more.

    Raises:
        TrialFailed: ``infrastructure``: a process did not end even after SIGKILL.
    """
    try:
        return place.end_all(grace_s)
    except TimeoutError as error:
        reason = (
            f"Not all processes of {place.folder} could be ended: {error}. They hang in the "
            "kernel (a driver or a network mount); the devices stay reserved until they are gone."
        )
        failure = Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason)
        raise TrialFailed(failure) from error
    finally:
        collect()
