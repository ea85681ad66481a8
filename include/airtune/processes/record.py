"""A process known by pid, start time and session; nothing else is proof that it is ours."""

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from airtune.processes.entry import start_time


@dataclass(frozen=True)
class ProcessRecord:
    """What ``airtune.processes.entry`` wrote of itself.

    Attributes:
        pid: process id.
        start_time: kernel start time in clock ticks since boot; guards against pid reuse.
        session: session id; equal to ``pid`` for a server, which leads a session of its own.
    """

    pid: int
    start_time: int
    session: int

    @classmethod
    def read(cls, path: Path) -> "ProcessRecord | None":
        """The record at ``path``, None if the process has not written it (yet)."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None

    @property
    def alive(self) -> bool:
        """True while this very process runs; a zombie is not alive."""
        return _is(self.pid, self.start_time)

    def members(self) -> list[int]:
        """Pids that belong to it: its whole session if it leads one, else its process tree."""
        if self.session == self.pid:
            return [pid for pid in psutil.pids() if _session(pid) == self.session]
        if not self.alive:
            return []
        try:
            children = psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [self.pid, *(child.pid for child in children)]


def kill(record: ProcessRecord, grace_s: float = 5.0) -> None:
    """End the process and all that belongs to it: SIGTERM, then SIGKILL after ``grace_s``.

    Returns when all of it is gone. Killing what is already gone is fine. A session whose leader's
    pid now belongs to a stranger is left alone.

    Raises:
        TimeoutError: something of it is still there 5 s after SIGKILL.
    """
    if _pid_taken_by_another(record):
        return
    victims = _identify(record.members())
    for signal_number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        _send(victims, signal_number)
        if _gone_within(record, victims, patience_s):
            return
        victims |= _identify(record.members())
    raise TimeoutError(f"process {record.pid} and its session did not end after SIGKILL")


def _pid_taken_by_another(record: ProcessRecord) -> bool:
    try:
        return start_time(record.pid) != record.start_time
    except (FileNotFoundError, ProcessLookupError):
        return False  # gone; its session may still have members


def _identify(pids: list[int]) -> set[tuple[int, int]]:
    found = set()
    for pid in pids:
        try:
            found.add((pid, start_time(pid)))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _send(victims: set[tuple[int, int]], signal_number: int) -> None:
    for pid, started in victims:
        if _is(pid, started):
            try:
                os.kill(pid, signal_number)
            except ProcessLookupError:
                continue


def _gone_within(record: ProcessRecord, victims: set[tuple[int, int]], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while True:
        left = any(_is(pid, started) for pid, started in victims)
        if not left and not any(_is(*one) for one in _identify(record.members())):
            return True
        if time.monotonic() > deadline:
            return False
        _reap_own_children(victims)
        time.sleep(0.02)


def _reap_own_children(victims: set[tuple[int, int]]) -> None:
    """A child of this process stays a zombie until it is waited for."""
    for pid, _ in victims:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue


def _is(pid: int, started: int) -> bool:
    try:
        return start_time(pid) == started and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return False


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return -1
