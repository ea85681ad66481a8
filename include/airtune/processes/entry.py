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
from pathlib import Path

GATE_SHUT = 75
"""Exit code when the gate was found shut (``EX_TEMPFAIL``)."""

_PR_SET_PDEATHSIG = 1


def start_time(pid: int) -> int:
    """Kernel start time of ``pid`` in clock ticks since boot; with the pid it is unique."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[19])


def write_record(path: Path) -> None:
    """Write pid, start time and session of this process, at once or not at all."""
    pid = os.getpid()
    text = json.dumps({"pid": pid, "start_time": start_time(pid), "session": os.getsid(0)})
    draft = path.with_suffix(f".{pid}.tmp")
    draft.write_text(text)
    draft.replace(path)


def main(words: list[str] | None = None) -> None:
    """Prepare this process as the options say and replace it by the command."""
    options = _options(words)
    if options.session:
        os.setsid()
    if options.die_with_parent:
        _die_with(options.die_with_parent)
    if options.cpus:
        os.sched_setaffinity(0, {int(core) for core in options.cpus.split(",")})
    write_record(Path(options.record))
    if Path(options.gate).exists():
        sys.exit(GATE_SHUT)
    if options.log:
        log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
    try:
        os.execvp(options.command[0], options.command)
    except OSError as error:
        print(f"cannot start {options.command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Record this process, then become a command.")
    parser.add_argument("--record", required=True, help="file for pid, start time and session")
    parser.add_argument("--gate", required=True, help="do not start when this file exists")
    parser.add_argument("--session", action="store_true", help="become a session of its own")
    parser.add_argument("--die-with-parent", type=int, help="end when this parent pid ends")
    parser.add_argument("--cpus", help="cores to run on, for example 1,2")
    parser.add_argument("--log", help="append stdout and stderr to this file")
    parser.add_argument("command", nargs="+", help="the command line to become, after --")
    return parser.parse_args(words)


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(GATE_SHUT)


if __name__ == "__main__":
    main()
