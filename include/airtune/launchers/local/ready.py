"""Waiting until a started server is ready, or has failed."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

from airtune.engines import get_engine
from airtune.errors import TrialFailed
from airtune.launchers.launcher import StillStarting
from airtune.launchers.local.death import died, tail
from airtune.launchers.local.handle import ROLE, Handle
from airtune.launchers.local.port import owners
from airtune.launchers.local.start import start
from airtune.launchers.probe import Pending, Readiness, check_ready
from airtune.launchers.wait import POLL_S, Impatient, wait_until_ready
from airtune.processes.place import Place
from airtune.records import Device, Endpoint, Failure, FailureClass, ServerSpec

_PORTS_TRIED = 3


def poll(endpoint: Endpoint, readiness: Readiness, timeout_s: float) -> Failure | Pending | None:
    """Look once: None when the server is ready.

    Args:
        timeout_s: for the completion, > 0.
    """
    if failure := died(endpoint, FailureClass.STARTUP_CRASH):
        return failure
    handle = Handle.of(endpoint)
    ours, others = _listeners(handle)
    if not ours:
        return Pending(reason=f"it does not listen on port {handle.port} yet")
    if others:
        return _port_taken(handle)
    return check_ready(endpoint.base_url, readiness, timeout_s)


def wait_ready(
    endpoint: Endpoint,
    readiness: Readiness,
    *,
    deadline: float,
    until: float = math.inf,
    poll_s: float = POLL_S,
) -> None:
    """Return once the server is ready; its end is noticed within ``poll_s``.

    The server is left as it is, also on failure: removing it is the caller's.

    Args:
        deadline: on the clock of ``time.monotonic``.
        until: when this process stops waiting for a server whose time is not over.

    Raises:
        TrialFailed: it ended (class by its log), refuses its requests, or time is over
            (``startup_timeout``).
        StillStarting: ``until`` has come before ``deadline``.
    """
    began = time.monotonic()
    try:
        wait_until_ready(
            lambda left: poll(endpoint, readiness, left),
            lambda: deadline,
            too_late=lambda pending: _too_late(endpoint, pending, deadline - began),
            until=until,
            poll_s=poll_s,
        )
    except Impatient:
        raise StillStarting(endpoint, time.time() + deadline - time.monotonic()) from None
    except TrialFailed as error:
        raise TrialFailed(_with_log(error.failure, endpoint)) from error


def start_and_wait(
    spec: ServerSpec,
    place: Place,
    readiness: Readiness,
    *,
    command: Sequence[str],
    devices: Sequence[Device],
    log: Path,
    deadline: float,
    until: float = math.inf,
    trial_id: int = -1,
    host: str = "127.0.0.1",
    cwd: Path | None = None,
) -> Endpoint:
    """``start`` and ``wait_ready``; on another port when the first was taken meanwhile.

    Raises:
        TrialFailed, StillStarting: as those two.
    """
    for last in (*[False] * (_PORTS_TRIED - 1), True):
        endpoint = start(
            spec,
            place,
            command=command,
            devices=devices,
            log=log,
            host=host,
            trial_id=trial_id,
            cwd=cwd,
        )
        try:
            wait_ready(endpoint, readiness, deadline=deadline, until=until)
        except TrialFailed:
            if last or not _port_was_taken(endpoint):
                raise
            place.end(ROLE)
        else:
            return endpoint
    raise AssertionError("the last try returns or raises")


def _listeners(handle: Handle) -> tuple[bool, bool]:
    process = handle.process
    return owners(handle.port, lambda: process.members() if process else ())


def _port_was_taken(endpoint: Endpoint) -> bool:
    handle = Handle.of(endpoint)
    return _listeners(handle)[1] or get_engine(handle.engine).port_in_use(handle.output())


def _port_taken(handle: Handle) -> Failure:
    return Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason=f"Another process listens on port {handle.port} too. Its log: {handle.log}",
    )


def _with_log(failure: Failure, endpoint: Endpoint) -> Failure:
    handle = Handle.of(endpoint)
    if handle.log in failure.reason:
        return failure
    reason = f"{failure.reason} Its log: {handle.log}"
    return failure.model_copy(update={"reason": reason, "log_tail": tail(handle)})


def _too_late(endpoint: Endpoint, state: Pending, waited_s: float) -> Failure:
    handle = Handle.of(endpoint)
    return Failure(
        failure_class=FailureClass.STARTUP_TIMEOUT,
        reason=(
            f"The server was not ready after {waited_s:.0f} s ({state.reason}). See {handle.log}; "
            "raise timeouts.start_s if it only needs longer."
        ),
        log_tail=tail(handle),
    )
