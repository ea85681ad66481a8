"""An engine that tests may kill and restart, from whatever process they run in."""

import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

DISPOSABLE = "AIRTUNE_TEST_DOCKER_DISPOSABLE"
"""Environment variable, ``1`` for a private engine. An engine of the user is never restarted."""

_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Disposable:
    """A private engine whose owner starts it again when it ends.

    Attributes:
        url: where it listens, ``unix://…``.
    """

    url: str

    @property
    def run(self) -> Path:
        """Folder with its socket and ``dockerd.pid``; while it has a file ``hold`` it is down."""
        return Path(self.url.removeprefix("unix://")).parent

    @classmethod
    def of_environment(cls) -> "Disposable":
        """The engine that ``scripts/test.py`` has started.

        Raises:
            RuntimeError: none is named: an engine of the user is never restarted.
        """
        url = os.environ.get("AIRTUNE_TEST_DOCKER_HOST")
        if os.environ.get(DISPOSABLE) != "1" or not url:
            raise RuntimeError("These tests restart the engine: PROVISION=1 make test-docker.")
        return cls(url)

    def kill(self) -> None:
        """Kill it as a crash would; it stays down until ``restart``."""
        (self.run / "hold").touch()
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """End it in good order if it runs, and wait until it answers again.

        Raises:
            TimeoutError: it does not end, or does not come back, in 30 s.
        """
        (self.run / "hold").touch()
        self._end(signal.SIGTERM)
        (self.run / "hold").unlink(missing_ok=True)
        deadline = time.monotonic() + _PATIENCE_S
        while not self.answers():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the engine at {self.url} did not come back")
            time.sleep(0.05)

    def answers(self) -> bool:
        """True if the engine can be talked to now."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(self.url.removeprefix("unix://"))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
        return False

    def _end(self, number: signal.Signals) -> None:
        with suppress(OSError, ValueError, psutil.Error):
            pid_file = self.run / "dockerd.pid"
            process = psutil.Process(int(pid_file.read_text()))
            if f"--pidfile={pid_file}" in process.cmdline():
                process.send_signal(number)
                self._gone(process)

    def _gone(self, process: psutil.Process) -> None:
        """Wait for its end; whoever started it reaps it."""
        deadline = time.monotonic() + _PATIENCE_S
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the engine at {self.url} does not end")
            time.sleep(0.02)
