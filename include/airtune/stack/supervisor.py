"""The process that leads a stack's session: forks the components, watches and ends them.

Run as ``python -m airtune.stack.supervisor FOLDER [--outlive] [--migrate]``, leader of a session
of its own. Airflow is imported *once* and the components are forked from here: started singly
they spend 30 s of CPU on importing the same modules. Nothing is open and no thread runs before
the fork, and Airflow itself forks its workers and tasks in the same way.

Without ``--outlive`` its standard input is a pipe that only the starting process holds: when that
process ends, however it ends, the pipe closes and the stack stops.
"""

import argparse
import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

from airtune.processes.entry import write_record
from airtune.processes.table import running
from airtune.stack.components import COMMON_MODULES, COMPONENTS, MIGRATE, Component

ALREADY_RUNNING = 76
"""Exit code when another stack holds the folder."""

_PR_SET_PDEATHSIG = 1
_GRACE_S = 4.0
_POLL_S = 0.1


class _Stop(BaseException):
    """Ends the supervision; carries the reason and the exit code.

    Not an ``Exception``: a signal may come while a module is imported that catches those.
    """

    def __init__(self, reason: str, code: int = 0) -> None:
        self.reason = reason
        self.code = code
        super().__init__(reason)


def main() -> int:
    """Lead the session until told to stop or until a component ends; returns the exit code."""
    options = _options()
    folder: Path = options.folder
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # Forked components inherit the lock: it is free only once the last of them is gone.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return ALREADY_RUNNING
    write_record(folder / "supervisor.json")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    try:
        _supervise(folder, migrate=options.migrate, outlive=options.outlive)
    except _Stop as stop:
        (folder / "end.txt").write_text(stop.reason + "\n")
        print(stop.reason, flush=True)
        _end_session()
        (folder / "stack.json").unlink(missing_ok=True)
        return stop.code
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Lead the session of one Airflow.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--outlive", action="store_true", help="go on when the starter ends")
    parser.add_argument("--migrate", action="store_true", help="make or migrate the database")
    return parser.parse_args()


def _on_signal(number: int, _: FrameType | None) -> None:
    raise _Stop(f"stopped by {signal.Signals(number).name}")


def _supervise(folder: Path, *, migrate: bool, outlive: bool) -> None:
    gc.disable()  # imports make no garbage to speak of, and collecting costs a fifth of their time
    for module in COMMON_MODULES:
        importlib.import_module(module)
    gc.freeze()  # what is shared by the forks stays shared
    watched = {}
    go_read, go_write = os.pipe()
    if migrate:
        migration = _fork(Component("migrate", MIGRATE), folder, None)
        watched[migration] = "migrate"
    for component in COMPONENTS:
        watched[_fork(component, folder, (go_read, go_write))] = component.name
    os.close(go_read)
    if migrate:
        _watch(watched, outlive, until=migration)
    os.close(go_write)
    _watch(watched, outlive, until=None)


def _watch(watched: dict[int, str], outlive: bool, until: int | None) -> None:
    """Return when the child ``until`` has ended well; any other end of a child stops the stack."""
    pipe = [] if outlive else [sys.stdin.fileno()]
    while True:
        if select.select(pipe, [], [], _POLL_S)[0]:
            raise _Stop("the process that started this stack has ended")
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid not in watched:
            continue
        code = os.waitstatus_to_exitcode(status)
        if pid == until and code == 0:
            del watched[pid]
            return
        raise _Stop(f"{watched[pid]} ended with exit code {code}", code=1)


def _fork(component: Component, folder: Path, gate: tuple[int, int] | None) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = _become(component, folder, gate)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _become(component: Component, folder: Path, gate: tuple[int, int] | None) -> int:
    """Run one component in this (forked) process; returns its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    _end_with_supervisor()
    if gate is not None:
        os.close(gate[1])
    _redirect(folder / "logs" / f"{component.name}.log")
    for module in component.loaded(os.environ):
        importlib.import_module(module)
    if gate is not None:
        os.read(gate[0], 1)  # returns once the supervisor closes its end: the database is ready
        os.close(gate[0])
    gc.freeze()
    gc.enable()
    sys.argv = ["airflow", *component.arguments]
    title = importlib.import_module("setproctitle")
    title.setproctitle("airflow " + " ".join(component.arguments))
    try:
        importlib.import_module("airflow.__main__").main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _end_with_supervisor() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != os.getsid(0):  # it ended before the kernel was asked
        os._exit(1)


def _redirect(log: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(file)


def _end_session() -> None:
    """TERM to the group, then KILL to every process of the session (task processes included)."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while (others := _others()) and time.monotonic() < deadline:
        time.sleep(0.05)
    while others := _others():
        for pid in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _others() -> list[int]:
    """Other living processes of the own process session; ended children are waited for."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    own = os.getpid()
    return [pid for pid, process in running().items() if process.session == own and pid != own]


if __name__ == "__main__":
    sys.exit(main())
