"""A container's output as it comes, read by a thread of its own; survives a cut connection."""

import queue
import threading
import time

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi

_LINES = 1000
"""So many wait to be taken; then no more are read."""

_FULL_S = 0.2
_TAKE_S = 0.1
_AGAIN_S = 0.3
_SILENCE_S = 20.0
"""After so long without a line the log is asked for anew: the connection may have gone."""
_END_S = 2.0


class PodOutput:
    """What a started container prints, from its start to its end."""

    def __init__(self, api: ClusterApi, namespace: str, pod: str, container: str) -> None:
        self._api, self._container = api, container
        self._path = f"{paths.pods(namespace, pod)}/log"
        self._last = b""
        self._lines: queue.Queue[bytes] = queue.Queue(_LINES)
        self._ending, self._closed = threading.Event(), threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True, name="client output")
        self._reader.start()

    def take(self, wait_s: float) -> bytes:
        """The lines that have come; empty if none comes within ``wait_s``."""
        try:
            found = self._lines.get(timeout=wait_s)
        except queue.Empty:
            return b""
        return found + self._taken()

    def finish(self, wait_s: float) -> bytes:
        """What is left of a container that has ended: it is read once more to its end."""
        self._ending.set()
        found, deadline = bytearray(), time.monotonic() + wait_s
        while self._reader.is_alive() and time.monotonic() < deadline:
            found += self.take(_TAKE_S)
        return bytes(found) + self._taken()

    def close(self) -> None:
        """Read no more; to be called when the pod is gone."""
        self._ending.set()
        self._closed.set()
        self._reader.join(_END_S)

    def _taken(self) -> bytes:
        found = bytearray()
        while True:
            try:
                found += self._lines.get_nowait()
            except queue.Empty:
                return bytes(found)

    def _read(self) -> None:
        """Follow the log until the container has ended and all of it is read."""
        while not self._closed.is_set():
            last_time = self._ending.is_set()
            try:
                self._follow()
            except ApiRefused as error:
                if error.status == 404:
                    return
            if last_time:
                return
            self._ending.wait(_AGAIN_S)

    def _follow(self) -> None:
        query = {"container": self._container, "follow": "true", "timestamps": "true"}
        if again := self._last:
            # Seconds and zone: it cannot be said more exactly where to begin.
            query["sinceTime"] = (again[:19] + again[29:]).decode()
        for line in self._api.lines(self._path, _SILENCE_S, **query):
            stamp, _, text = line.partition(b" ")
            if not again or stamp > again:
                again, self._last = b"", stamp
                self._put(text + b"\n")
            if self._closed.is_set():
                return

    def _put(self, line: bytes) -> None:
        while not self._closed.is_set():
            try:
                self._lines.put(line, timeout=_FULL_S)
                return
            except queue.Full:
                continue
