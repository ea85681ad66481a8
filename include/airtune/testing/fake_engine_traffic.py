"""Counts the fake engine's requests and lets only so many run at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    """Requests that came in, run now, and ran at once at most."""

    requests: int
    running: int
    peak: int


class Traffic:
    """Thread-safe: every request is counted once, whatever becomes of it."""

    def __init__(self, parallel: int) -> None:
        """``parallel`` requests run at once (0: no limit); the others wait."""
        self._lock = threading.Lock()
        self._turn = threading.BoundedSemaphore(parallel) if parallel else nullcontext()
        self._requests = self._running = self._peak = 0

    def arrive(self) -> int:
        """Count one request; returns its number, from 1 on."""
        with self._lock:
            self._requests += 1
            return self._requests

    @contextmanager
    def running(self) -> Iterator[None]:
        """Wait for a turn and hold it."""
        with self._turn:
            with self._lock:
                self._running += 1
                self._peak = max(self._peak, self._running)
            try:
                yield
            finally:
                with self._lock:
                    self._running -= 1

    @property
    def count(self) -> Count:
        """The figures of this moment."""
        with self._lock:
            return Count(self._requests, self._running, self._peak)
