"""Taking over a server that an earlier attempt of the slot has left running."""

import math
import time

from airtune.errors import TrialFailed
from airtune.launchers.local.handle import Handle, load
from airtune.launchers.local.ready import wait_ready
from airtune.launchers.local.start import arguments_of
from airtune.launchers.probe import Readiness
from airtune.processes.place import Place
from airtune.records import Endpoint, ServerSpec


def adopt(
    place: Place,
    spec: ServerSpec,
    readiness: Readiness,
    timeout_s: float = 30.0,
    patience_s: float = math.inf,
) -> Endpoint | None:
    """The newest server of this or an earlier attempt that runs ``spec``, once it is ready.

    Args:
        timeout_s: how long one that runs may take to become ready: it may still be loading.
        patience_s: how long of that to wait here.

    Returns:
        None when there is none; what else may run is the caller's to end.

    Raises:
        StillStarting: patience is over, its time is not.
    """
    for attempt in place.attempts():
        endpoint = load(attempt)
        if endpoint is None or not _runs(endpoint, spec):
            continue
        try:
            now = time.monotonic()
            wait_ready(endpoint, readiness, deadline=now + timeout_s, until=now + patience_s)
        except TrialFailed:
            continue
        return endpoint
    return None


def _runs(endpoint: Endpoint, spec: ServerSpec) -> bool:
    """A score belongs to the configuration that ran: the arguments must be the very same."""
    handle = Handle.of(endpoint)
    process = handle.process
    if process is None or not process.alive or handle.engine != spec.engine:
        return False
    arguments = arguments_of(spec, handle.host, handle.port)
    return handle.argv[len(handle.argv) - len(arguments) :] == arguments
