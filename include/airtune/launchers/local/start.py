"""Starting a server so that it outlives this process and can always be found again."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from airtune.errors import TrialFailed
from airtune.launchers.cores import device_cores
from airtune.launchers.local.environment import server_environment
from airtune.launchers.local.handle import ROLE, Handle, save
from airtune.launchers.local.port import free_port
from airtune.processes.entry import GATE_SHUT
from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord, kill
from airtune.records import Device, Endpoint, Failure, FailureClass, ServerSpec

_RECORDED_WITHIN_S = 30.0
"""Starting an interpreter on a host that is out of breath."""

_COLLECTED_WITHIN_S = 1.0
"""The kernel hands an exit code over a moment after the process is seen to have ended."""

_started: dict[int, "subprocess.Popen[bytes]"] = {}
"""Servers that this process has started, by pid: only their parent learns their exit codes."""


def start(
    spec: ServerSpec,
    place: Place,
    *,
    command: Sequence[str],
    devices: Sequence[Device],
    log: Path,
    host: str = "127.0.0.1",
    trial_id: int = -1,
    cwd: Path | None = None,
) -> Endpoint:
    """Start the server on a free port; it is not ready yet.

    It runs in a session of its own and writes to ``log`` only, so it outlives this process and
    holds none of its streams. This process may be killed at any moment: what has been started is
    recorded in ``place`` or ends by itself.

    Args:
        command: the engine's program on this host; replaces ``spec.program``.
        devices: CPU sets pin it, GPUs are made visible to it.
        log: appended to; its folder is made if missing.
        host: address to listen on, also where ``spec`` says another.
        trial_id: for the endpoint.
        cwd: working directory; that of this process unless given.

    Raises:
        TrialFailed: ``cancelled`` when this attempt may start nothing any more,
            ``infrastructure`` when the process could not be prepared.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = _handle(spec, place, command, log, host)
    endpoint = Endpoint(
        base_url=f"http://{host}:{handle.port}",
        model_name=spec.model_name,
        trial_id=trial_id,
        handle=handle.model_dump(),
    )
    _clear(place)
    _save(endpoint, place)
    process = subprocess.Popen(
        _entry(place, log, devices, handle.argv),
        env=server_environment(spec.env, devices),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
    )
    _started[process.pid] = process
    _wait_for_record(handle, process)
    return endpoint


def arguments_of(spec: ServerSpec, host: str, port: int) -> list[str]:
    """The engine's arguments at ``port``; a local server never listens on more than ``host``."""
    arguments = spec.at_port(port)[len(spec.program) :]
    before = ("", *arguments)
    return [
        host if flag == "--host" else word for flag, word in zip(before, arguments, strict=False)
    ]


def exit_code(pid: int) -> int | None:
    """Exit code (negative: by that signal) of an ended server that *this* process started.

    None for servers of other processes.
    """
    process = _started.get(pid)
    if process is None:
        return None
    try:
        return process.wait(_COLLECTED_WITHIN_S)
    except subprocess.TimeoutExpired:
        return None


def collect() -> None:
    """Let go of the ended servers that this process started; they stay zombies until then."""
    for pid, process in list(_started.items()):
        if process.poll() is not None:
            del _started[pid]


def _handle(spec: ServerSpec, place: Place, command: Sequence[str], log: Path, host: str) -> Handle:
    port = free_port(host)
    return Handle(
        engine=spec.engine,
        host=host,
        port=port,
        argv=[*command, *arguments_of(spec, host, port)],
        record=str(place.record(ROLE)),
        log=str(log),
        log_start=log.stat().st_size if log.exists() else 0,
        health_path=spec.health_path,
    )


def _clear(place: Place) -> None:
    """End what this attempt started before: its record is about to be written again."""
    if record := ProcessRecord.read(place.record(ROLE)):
        kill(record)
    place.record(ROLE).unlink(missing_ok=True)


def _save(endpoint: Endpoint, place: Place) -> None:
    try:
        save(endpoint, place)
    except FileNotFoundError:
        raise _cancelled() from None  # the place was forgotten


def _entry(place: Place, log: Path, devices: Sequence[Device], argv: Sequence[str]) -> list[str]:
    # -P: a folder called airtune in the working directory must not be taken for the package.
    words = [sys.executable, "-P", "-m", "airtune.processes.entry", "--session"]
    words += ["--record", str(place.record(ROLE)), "--gate", str(place.gate), "--log", str(log)]
    if cores := device_cores(devices):
        words += ["--cpus", ",".join(str(core) for core in cores)]
    return [*words, "--", *argv]


def _wait_for_record(handle: Handle, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _RECORDED_WITHIN_S
    while handle.process is None:
        if process.poll() == GATE_SHUT:
            raise _cancelled()
        if process.returncode is not None or time.monotonic() > deadline:
            process.kill()
            raise TrialFailed(
                Failure(
                    failure_class=FailureClass.INFRASTRUCTURE,
                    reason=(
                        "The server's process could not be prepared: "
                        f"{handle.output().strip() or 'it wrote nothing'} (log: {handle.log})"
                    ),
                    log_tail=handle.output()[-4000:],
                )
            )
        time.sleep(0.005)


def _cancelled() -> TrialFailed:
    reason = "Nothing more is started here: the slot was cleaned up or a newer attempt took over."
    return TrialFailed(Failure(failure_class=FailureClass.CANCELLED, reason=reason))
