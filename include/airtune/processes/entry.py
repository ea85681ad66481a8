"""The small program between airtune and a server or client: it records itself, then becomes it.

Run as ``python -m airtune.processes.entry OPTIONS -- ARGV…``. It runs in any environment, so it
uses the standard library alone.

The order is what makes clean-up safe: *first* the own pid is written to ``--record``, *then*
``--gate`` is looked at. Whoever removes the process does it the other way round: first the gate
is shut (the file is made), then the record is read and the process killed. So a process that the
remover could not see yet finds the gate shut and ends by itself.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from airtune.processes.table import epoch, process_of

GATE_SHUT = 75
"""Exit code when the gate was found shut (``EX_TEMPFAIL``)."""

CANNOT_START = "cannot start"
"""How the line in the log begins when the command is not there (exit code 127)."""

MARK = "AIRTUNE_PROCESS"
"""Environment variable that all descendants inherit: finds those that left the session."""

_PR_SET_PDEATHSIG = 1
_DEFAULTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD)


def start_time(pid: int) -> int:
    """Kernel start time of ``pid`` in clock ticks since boot; with the pid it is unique.

    Raises:
        ProcessLookupError: there is no such process.
    """
    process = process_of(pid)
    if process is None:
        raise ProcessLookupError(pid)
    return process.start_time


def write_record(path: Path, mark: str = "") -> None:
    """Write what identifies this process, at once or not at all; ``mark`` as in ``MARK``."""
    pid = os.getpid()
    record = {
        "pid": pid,
        "start_time": start_time(pid),
        "session": os.getsid(0),
        "mark": mark,
        "epoch": epoch(),
    }
    draft = path.with_suffix(f".{pid}.tmp")
    draft.write_text(json.dumps(record))
    draft.replace(path)


def main(words: Sequence[str] | None = None) -> None:
    """Prepare this process as the options say and replace it by the command."""
    options, command = _read(sys.argv[1:] if words is None else words)
    if options.session:
        os.setsid()
    if options.log:
        _write_to(options.log)
    if options.die_with_parent:
        _die_with(options.die_with_parent)
    if options.cpus:
        _run_on(options.cpus)
    _forget_inherited_signals()
    mark = os.urandom(8).hex()
    write_record(Path(options.record), mark)
    if Path(options.gate).exists():
        sys.exit(GATE_SHUT)
    os.environ[MARK] = mark
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{CANNOT_START} {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


def _read(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description="Record this process, then become a command.",
        usage="%(prog)s OPTIONS -- COMMAND…",
        allow_abbrev=False,
    )
    parser.add_argument("--record", required=True, help="file for pid, start time and session")
    parser.add_argument("--gate", required=True, help="do not start when this file exists")
    parser.add_argument("--session", action="store_true", help="become a session of its own")
    parser.add_argument("--die-with-parent", type=int, help="end when this parent pid ends")
    parser.add_argument("--cpus", help="cores to run on, for example 1,2")
    parser.add_argument("--log", help="append stdout and stderr to this file")
    # Split by hand: the command's own words, another -- included, stay as they are.
    own, command = list(words), []
    if "--" in own:
        own, command = own[: own.index("--")], own[own.index("--") + 1 :]
    options = parser.parse_args(own)
    if not command:
        parser.error("no command: write it after --")
    return options, command


def _write_to(path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _die_with(parent: int) -> None:
    """The kernel asks the parent's *thread* that started us: start from one that lives on."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(GATE_SHUT)


def _run_on(cpus: str) -> None:
    try:
        os.sched_setaffinity(0, {int(core) for core in cpus.split(",")})
    except (OSError, ValueError):
        sys.exit(
            f"cannot run on cores {cpus}: this host offers "
            f"{sorted(os.sched_getaffinity(0))}; correct AIRTUNE_DEVICES"
        )


def _forget_inherited_signals() -> None:
    """Ignored and blocked signals survive exec: such a server would not hear SIGTERM."""
    for number in _DEFAULTED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


if __name__ == "__main__":
    main()
