"""Ports of this host: a free one to start with, and whose it is afterwards."""

import os
import secrets
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

_FIRST, _COUNT = 20_000, 12_000
"""Below the range that the kernel takes for outgoing connections: loading can take minutes, and
until then any of these could be given such a port."""

_TRIES = 50
_LISTENING = "0A"


def free_port(host: str) -> int:
    """A port of ``host`` (an IPv4 address) that nothing holds at this moment.

    It is not reserved: whoever listens on it later must see whether it got it.
    """
    for _ in range(_TRIES):
        port = _FIRST + secrets.randbelow(_COUNT)
        if _binds(host, port):
            return port
    with socket.socket() as any_port:  # crowded: let the kernel look
        any_port.bind((host, 0))
        return int(any_port.getsockname()[1])


def owners(port: int, pids: Callable[[], Iterable[int]]) -> tuple[bool, bool]:
    """Who listens on ``port``: (one of ``pids``, anybody else).

    ``pids`` is only called when somebody listens. Both can be true: with SO_REUSEPORT, which
    vLLM sets, two servers share a port in silence.
    """
    listening = _listening(port)
    if not listening:
        return False, False
    ours = {inode for pid in pids() for inode in _sockets(pid)}
    return bool(listening & ours), bool(listening - ours)


def _binds(host: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _listening(port: int) -> set[str]:
    """Inodes of the sockets that listen on ``port``, whatever the address."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue  # a kernel without IPv6
        for words in map(str.split, lines):
            if words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                inodes.add(words[9])
    return inodes


def _sockets(pid: int) -> set[str]:
    """Inodes of the sockets that ``pid`` has open."""
    found = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(link)  # noqa: PTH115 - "socket:[1]" is no path
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    except OSError:
        return found
    return found
