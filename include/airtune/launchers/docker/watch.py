"""Seeing that a server's container has ended, and why."""

import re
from typing import Any

from docker.errors import NotFound

from airtune.launchers.docker import logs
from airtune.launchers.docker.handle import Handle
from airtune.launchers.docker.state import ContainerState, epoch
from airtune.launchers.shared_memory import short_of_shm
from airtune.launchers.verdict_of_log import verdict_of_log
from airtune.records import Failure, FailureClass

_NO_PROGRAM = re.compile(r"^\[FATAL tini \(\d+\)\] exec (?P<detail>.*)$", re.MULTILINE)
_NOT_FOUND = frozenset({126, 127})
_STOPPED_BEFORE_START_S = 60.0
"""An engine that goes down stops its containers, and may come up so much later."""


def end_of(client: Any, handle: Handle, otherwise: FailureClass) -> Failure | None:
    """Why the container has ended; None while it runs.

    Args:
        client: ``docker.APIClient``.
        otherwise: the class when nothing tells: ``unhealthy`` for a server that was ready,
            ``startup_crash`` for one that was not.
    """
    try:
        inspected = client.inspect_container(handle.container)
    except NotFound:
        return _removed(handle)
    state = ContainerState.of(inspected)
    if state.alive:
        return None
    log = logs.output(client, handle.container) or handle.saved_output()
    failure_class, reason = _verdict(client, handle, state, log, otherwise)
    return Failure(
        failure_class=failure_class,
        reason=_naming_log(reason, handle),
        log_tail=log[-logs.TAIL_CHARACTERS :],
    )


def _verdict(
    client: Any, handle: Handle, state: ContainerState, log: str, otherwise: FailureClass
) -> tuple[FailureClass, str]:
    code = state.exit_code
    if state.oom_killed and code:
        return FailureClass.OOM, _oom(state)
    if short_of_shm(log, code):
        return FailureClass.OOM, _short_of_shm(state)
    if state.started_at is None:
        return FailureClass.INFRASTRUCTURE, f"Container {handle.name} was never started."
    if _engine_restarted(client, state):
        return (
            FailureClass.INFRASTRUCTURE,
            f"The Docker Engine was restarted and took container {handle.name} down with it.",
        )
    if code in _NOT_FOUND and (match := _NO_PROGRAM.search(log)):
        reason = f"The image cannot run its program: {match['detail']}. Correct image or image_tag."
        return FailureClass.IMAGE, reason
    return verdict_of_log(handle.engine, log, code, otherwise, _ended(state))


def _engine_restarted(client: Any, state: ContainerState) -> bool:
    """True if the engine came up again after the container's start and around its end.

    The engine makes its network ``bridge`` anew whenever it starts; nothing else that it tells
    depends on its start.
    """
    try:
        up_since = epoch(client.inspect_network("bridge")["Created"])
    except NotFound:  # switched off in daemon.json
        return False
    if up_since is None or state.started_at is None or state.finished_at is None:
        return False
    return state.started_at < up_since < state.finished_at + _STOPPED_BEFORE_START_S


def _oom(state: ContainerState) -> str:
    limit = f"its limit of {_size(state.memory_bytes)}" if state.memory_bytes else "the host's"
    return (
        f"The kernel ended the server for lack of main memory: it reached {limit}. Raise "
        "container.memory, or choose settings that need less."
    )


def _short_of_shm(state: ContainerState) -> str:
    return (
        f"The server ran out of shared memory: /dev/shm has {_size(state.shm_bytes)}. Raise "
        "container.shm_size."
    )


def _ended(state: ContainerState) -> str:
    if state.exit_code is None:
        return "The server crashes again and again: the engine has restarted its container."
    return f"The server ended with exit code {state.exit_code}."


def _removed(handle: Handle) -> Failure:
    log = handle.saved_output()
    return Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason=_naming_log(
            f"Container {handle.name} ({handle.container[:12]}) is gone: it was removed by "
            "clean-up or by somebody.",
            handle,
        ),
        log_tail=log[-logs.TAIL_CHARACTERS :],
    )


def _naming_log(reason: str, handle: Handle) -> str:
    return reason if handle.log in reason else f"{reason} Its log: {handle.log}"


def _size(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} bytes"
