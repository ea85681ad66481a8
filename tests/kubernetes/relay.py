"""A way to the API server that a test can cut."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class Relay:
    """Listens on loopback and leads to ``host:port``, until ``cut``; ``mend`` goes on."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.accepted = 0
        self._accept()

    def cut(self) -> None:
        """Nobody listens any more, and every connection ends."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._open:
            one.close()
        self._open, self._threads = [], []

    def mend(self) -> None:
        """Listen again at the same port."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._accept()

    def _accept(self) -> None:
        listening = self._listening

        def accept() -> None:
            while True:
                try:
                    near = listening.accept()[0]
                except OSError:
                    return
                self.accepted += 1
                far = socket.create_connection(self._to)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    self._start(_copy, one, other)

        self._start(accept)

    def _start(self, what: Any, *args: Any) -> None:
        thread = threading.Thread(target=what, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()


@contextmanager
def relayed(kubeconfig: Path, folder: Path) -> Iterator[tuple[Relay, Path]]:
    """A relay to the API server of ``kubeconfig``, and a kubeconfig that goes through it."""
    document = yaml.safe_load(kubeconfig.read_text())
    current = next(c for c in document["contexts"] if c["name"] == document["current-context"])
    cluster = next(c for c in document["clusters"] if c["name"] == current["context"]["cluster"])
    url = urlsplit(cluster["cluster"]["server"])
    assert url.hostname
    relay = Relay(url.hostname, url.port or 443)
    cluster["cluster"] |= {
        "server": f"https://127.0.0.1:{relay.port}",
        "tls-server-name": url.hostname,
    }
    through = folder / "relayed.kubeconfig"
    through.write_text(yaml.safe_dump(document))
    through.chmod(0o600)
    try:
        yield relay, through
    finally:
        relay.cut()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
