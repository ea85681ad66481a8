"""The kernel's table of processes, read from ``/proc``; standard library alone."""

from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_ENDED = frozenset("ZXx")


class Process(NamedTuple):  # a dataclass would cost each start 6 ms of imports
    """One running process. Two of them are equal only if they are the same process.

    Attributes:
        pid: process id; the kernel gives it to another process later.
        start_time: in clock ticks since boot; with the pid it is unique.
        parent: pid of the parent, 1 (or a sub-reaper) once that has ended.
        session: session id, the pid of the process that made the session.
    """

    pid: int
    start_time: int
    parent: int
    session: int


def process_of(pid: int) -> Process | None:
    """The process with this pid, None if there is none or it is a zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    words = stat.rpartition(")")[2].split()  # the name in brackets may contain anything
    # A first thread that has ended while others hang in a driver still holds its devices.
    if words[0] in _ENDED and int(words[17]) <= 1:
        return None
    return Process(pid, start_time=int(words[19]), parent=int(words[1]), session=int(words[3]))


def running() -> dict[int, Process]:
    """All processes of this host that can be seen, zombies left out, by pid."""
    found = (process_of(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return {process.pid: process for process in found if process}


def descendants(pid: int, table: dict[int, Process]) -> set[Process]:
    """Children of ``pid``, their children, and so on, as ``table`` has them."""
    found: set[Process] = set()
    parents = {pid}
    while parents:
        children = {process for process in table.values() if process.parent in parents} - found
        found |= children
        parents = {process.pid for process in children}
    return found


def carries(pid: int, word: str) -> bool:
    """True if ``pid`` was started with the environment entry ``word`` (``NAME=value``).

    False proves nothing: a process can overwrite what the kernel shows of its environment.
    """
    try:
        return word.encode() in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def epoch() -> str:
    """Names this life of the process table: a reboot or a restarted container begins another."""
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    first = process_of(1)
    return f"{boot}/{first.start_time if first else 0}"
