"""Starts processes through ``airtune.processes.entry`` for the tests of this folder."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord

SLEEP = ("sleep", "60")
STARTED: "list[subprocess.Popen[bytes]]" = []
"""What a test started; ended after it, however it went (conftest.py)."""


def until(condition: Callable[[], object], patience_s: float = 5.0) -> None:
    """Wait for ``condition``; fails the test when it does not come true."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def entry_words(place: Place, *command: str, role: str = "server", options: str = "") -> list[str]:
    """The command line of ``entry`` for one role of ``place``."""
    own = [sys.executable, "-m", "airtune.processes.entry"]
    files = ["--record", str(place.record(role)), "--gate", str(place.gate)]
    return [*own, *files, *options.split(), "--", *command]


def start(
    place: Place, *command: str, role: str = "server", options: str = "--session"
) -> "subprocess.Popen[bytes]":
    """Start ``command`` and return once it has recorded itself and become the command."""
    process = subprocess.Popen(
        entry_words(place, *(command or SLEEP), role=role, options=options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    STARTED.append(process)
    until(place.record(role).exists)
    until(lambda: b"airtune.processes.entry" not in _command_line(process.pid))
    return process


def record_of(place: Place, role: str = "server") -> ProcessRecord:
    """The record, which must be there."""
    record = ProcessRecord.read(place.record(role))
    assert record is not None
    return record


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
