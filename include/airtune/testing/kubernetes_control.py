"""Starting and ending components of the private cluster, from whatever process."""

import json
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_S = 30.0
_GRACE_S = 10.0


@dataclass(frozen=True)
class Control:
    """Talks to the first process in the cluster's namespaces (``kubernetes_init``).

    Every method raises OSError if that process is gone.

    Attributes:
        path: of its socket.
    """

    path: Path

    def start(self, name: str) -> None:
        """Start a component, and again whenever it ends."""
        self._ask({"start": name})

    def end(self, name: str) -> None:
        """End a component in good order, by force after 10 s; it stays down until ``start``.

        Raises:
            TimeoutError: it does not end.
        """
        self._ask({"end": name, "signal": signal.SIGTERM})
        with suppress(TimeoutError):
            wait_until(lambda: not self.runs(name), _GRACE_S, name)
            return
        self.kill(name)

    def kill(self, name: str) -> None:
        """End a component as a crash would; it stays down until ``start``.

        Raises:
            TimeoutError: it does not end.
        """
        self._ask({"end": name, "signal": signal.SIGKILL})
        wait_until(lambda: not self.runs(name), _PATIENCE_S, f"the end of {name}")

    def runs(self, name: str) -> bool:
        """True if the component's process is there."""
        return bool(self._ask({})[name]["running"])

    def ends(self) -> dict[str, int]:
        """Component → how often it has ended."""
        return {name: state["ends"] for name, state in self._ask({}).items()}

    def _ask(self, request: dict[str, str | int]) -> dict[str, dict[str, int]]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.path))
            with connection.makefile("rwb") as stream:
                stream.write(json.dumps(request).encode() + b"\n")
                stream.flush()
                state: dict[str, dict[str, int]] = json.loads(stream.readline())
                return state


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Ask 20 times a second until ``condition`` holds.

    Raises:
        TimeoutError: it does not within ``seconds``; the text names ``what``.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)
