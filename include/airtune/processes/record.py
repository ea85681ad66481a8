"""A process known by pid, start time and session; nothing else is proof that it is ours."""

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from airtune.processes.entry import MARK
from airtune.processes.table import Process, carries, descendants, epoch, process_of, running

_LAST_PATIENCE_S = 5.0


@dataclass(frozen=True)
class ProcessRecord:
    """What ``airtune.processes.entry`` wrote of itself.

    Attributes:
        pid: process id.
        start_time: kernel start time in clock ticks since boot; guards against pid reuse.
        session: session id; equal to ``pid`` for a server, which leads a session of its own.
        mark: random word that its descendants carry in their environment.
        epoch: life of the process table it belongs to; of another one nothing is left.
    """

    pid: int
    start_time: int
    session: int
    mark: str = ""
    epoch: str = ""

    @classmethod
    def read(cls, path: Path) -> "ProcessRecord | None":
        """The record at ``path``, None if the process has not written it (yet).

        A file that is no record counts as none: records are written at once or not at all, so
        it was torn by a crash of the host, and its process is gone with it.
        """
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    @property
    def alive(self) -> bool:
        """True while this very process runs; a zombie is not alive."""
        process = process_of(self.pid)
        return process is not None and process.start_time == self.start_time and self._of_now

    def members(self) -> list[int]:
        """Pids of all that belongs to it, zombies left out.

        That is: the process, its descendants, its session if it leads one (also when it has
        ended itself), and whatever carries its mark.
        """
        return sorted(process.pid for process in self.processes())

    def processes(self) -> set[Process]:
        """``members`` with what tells them from later processes of the same pids."""
        if not self._of_now:
            return set()
        table = running()
        # A descendant cannot be older; that spares reading every environment of the host.
        younger = [one for one in table.values() if one.start_time >= self.start_time]
        word = f"{MARK}={self.mark}"
        found = {one for one in younger if self.mark and carries(one.pid, word)}
        own = table.get(self.pid)
        if own and own.start_time == self.start_time:
            found |= {own} | descendants(self.pid, table)
        elif own:
            return found  # the pid is a stranger's now, and so is a session of that number
        if self.session == self.pid:
            found |= {one for one in younger if one.session == self.session}
        return found

    @property
    def _of_now(self) -> bool:
        return self.epoch in {"", epoch()}


def kill(record: ProcessRecord, grace_s: float = 5.0) -> None:
    """End the process and all that belongs to it: SIGTERM, then SIGKILL after ``grace_s``.

    Returns when all of it is gone. Killing what is already gone is fine. A session whose leader's
    pid now belongs to a stranger is left alone.

    Raises:
        TimeoutError: something of it is still there 5 s after SIGKILL.
    """
    known = record.processes()
    known = _end(record, known, signal.SIGTERM, grace_s)
    known = _end(record, known, signal.SIGKILL, _LAST_PATIENCE_S)
    if known:
        pids = ", ".join(str(process.pid) for process in known)
        raise TimeoutError(f"process {record.pid} did not end after SIGKILL; left: {pids}")


def _end(
    record: ProcessRecord, known: set[Process], signal_number: signal.Signals, patience_s: float
) -> set[Process]:
    """Signal all of it until it is gone or patience ends; returns what is left.

    ``known`` holds those that can no longer be found by their parents, because these ended.
    """
    deadline = time.monotonic() + patience_s
    told: set[tuple[int, int]] = set()
    while left := {one for one in known if _runs(one)} | record.processes():
        known = left
        for process in left:
            key = (process.pid, process.start_time)
            # SIGTERM once each (a second one means "now" to many programs), SIGKILL always.
            if signal_number == signal.SIGKILL or key not in told:
                _send(process, signal_number)
                told.add(key)
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return left


def _runs(process: Process) -> bool:
    now = process_of(process.pid)
    return now is not None and now.start_time == process.start_time


def _send(process: Process, signal_number: signal.Signals) -> None:
    if _runs(process):
        try:
            os.kill(process.pid, signal_number)
        except ProcessLookupError:
            return
