"""A container's output, read by a thread of its own so that a limit in time can be kept."""

import queue
import threading

from docker import APIClient
from urllib3.exceptions import HTTPError

_CHUNKS = 64
"""So many wait to be taken; then no more are read."""

_FULL_S = 0.2
_END_S = 2.0


class ContainerOutput:
    """What a started container prints, from its start to its end."""

    def __init__(self, client: APIClient, container: str) -> None:
        # Its log rather than an attachment: the SDK never closes the socket of one.
        self._stream = client.logs(container, stdout=True, stderr=True, stream=True, follow=True)
        self._chunks: queue.Queue[bytes] = queue.Queue(_CHUNKS)
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True, name="client output")
        self._reader.start()

    def take(self, wait_s: float) -> bytes:
        """The next bytes; empty if none come within ``wait_s``."""
        try:
            return self._chunks.get(timeout=wait_s)
        except queue.Empty:
            return b""

    @property
    def ended(self) -> bool:
        """True once nothing more comes: the container ended, or the engine hung up."""
        return not self._reader.is_alive() and self._chunks.empty()

    def close(self) -> list[bytes]:
        """What had come and was not taken; to be called when the container is gone."""
        self._closed.set()
        self._reader.join(_END_S)
        rest = []
        while chunk := self._next():
            rest.append(chunk)
        return rest

    def _next(self) -> bytes:
        try:
            return self._chunks.get_nowait()
        except queue.Empty:
            return b""

    def _read(self) -> None:
        try:
            for chunk in self._stream:
                self._put(chunk)
        except (OSError, ValueError, HTTPError):
            return  # the engine hung up; how the container is will be asked

    def _put(self, chunk: bytes) -> None:
        """Once closed, what still comes is dropped: a stream read to its end closes itself."""
        while not self._closed.is_set():
            try:
                self._chunks.put(chunk, timeout=_FULL_S)
                return
            except queue.Full:
                continue
