"""Seeing that a server has ended, and why."""

from airtune.launchers.local.handle import Handle
from airtune.launchers.local.start import exit_code
from airtune.launchers.verdict_of_log import verdict_of_log
from airtune.processes.entry import GATE_SHUT
from airtune.records import Endpoint, Failure, FailureClass

_TAIL_CHARACTERS = 4000


def died(endpoint: Endpoint, otherwise: FailureClass = FailureClass.UNHEALTHY) -> Failure | None:
    """Why the server has ended; None while it runs.

    Args:
        otherwise: the class when the log does not tell: ``unhealthy`` for a server that was
            ready, ``startup_crash`` for one that was not.
    """
    handle = Handle.of(endpoint)
    process = handle.process
    if process is not None and process.alive:
        return None
    code = exit_code(process.pid) if process else None
    log = handle.output()
    if code == GATE_SHUT and not log:
        return _failure(
            FailureClass.CANCELLED, "The slot was cleaned up before the server started.", handle
        )
    ended = _how_it_ended(code, removed=process is None)
    failure_class, reason = verdict_of_log(handle.engine, log, code, otherwise, ended)
    return _failure(failure_class, reason, handle)


def tail(handle: Handle) -> str:
    """The end of the server's log, a few kB."""
    return handle.output()[-_TAIL_CHARACTERS:]


def _how_it_ended(code: int | None, *, removed: bool) -> str:
    if removed:
        return "The server was removed by clean-up."
    if code is None:
        return "The server has ended."
    if code < 0:
        return f"The server was killed by signal {-code}."
    return f"The server ended with exit code {code}."


def _failure(failure_class: FailureClass, reason: str, handle: Handle) -> Failure:
    named = reason if handle.log in reason else f"{reason} Its log: {handle.log}"
    return Failure(failure_class=failure_class, reason=named, log_tail=tail(handle))
