"""The first process in the cluster's namespaces: it starts components and keeps them running.

``python -m airtune.testing.kubernetes_init PLAN.json``, as process 1 of a namespace of its own:
when it ends, the kernel ends all that was started below it, containers too. It is told what to do
through a socket (``kubernetes_control``), so that any process of the tests can restart a component.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_ROUND_S = 0.05
_PAUSE_S = 0.5
"""Before a component that has ended is started again."""


@dataclass(frozen=True)
class Plan:
    """What the first process has to know.

    Attributes:
        control: path of the socket to listen at.
        logs: folder for the components' output.
        components: name → words.
        environment: of the components; nothing of the caller's, such as a proxy, reaches them.
        binds: folder → a shorter path for it, seen here only.
        own: folders with a fixed path that no component shares with the rest of the host.
    """

    control: str
    logs: str
    components: dict[str, list[str]]
    environment: dict[str, str]
    binds: dict[str, str]
    own: list[str]

    def write(self, path: Path) -> None:
        """Write it to ``path``."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """What ``write`` has written."""
        return cls(**json.loads(path.read_text()))


@dataclass
class _Component:
    """One component: what is wanted of it, and what it does."""

    words: list[str]
    log: Path
    wanted: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    ends: int = 0
    not_before: float = field(default=0.0)

    def start(self, environment: dict[str, str]) -> None:
        """Start it if it is wanted, has ended, and its pause is over."""
        if not self.wanted or self.process is not None or time.monotonic() < self.not_before:
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.words,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ended(self, code: int) -> None:
        """Take note of its end; by itself it starts again after a pause."""
        assert self.process is not None
        self.process.returncode = code
        self.process = None
        self.ends += 1
        self.not_before = time.monotonic() + _PAUSE_S


class Init:
    """The loop: children that have ended, components to start, requests."""

    def __init__(self, plan: Plan) -> None:
        self.environment = plan.environment
        self.components = {
            name: _Component(words, Path(plan.logs, f"{name}.log"))
            for name, words in plan.components.items()
        }
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(plan.control)
        self.listener.listen()
        self.listener.settimeout(_ROUND_S)

    def run(self) -> None:
        """Never returns."""
        while True:
            self._reap()
            for one in self.components.values():
                one.start(self.environment)
            with suppress(TimeoutError):
                connection, _ = self.listener.accept()
                with connection, suppress(OSError, ValueError, KeyError):
                    connection.settimeout(5)
                    self._answer(connection)

    def _reap(self) -> None:
        """Process 1 inherits whatever lost its parent, such as containerd's shims."""
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                for one in self.components.values():
                    if one.process is not None and one.process.pid == found[0]:
                        one.ended(os.waitstatus_to_exitcode(found[1]))

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rwb") as stream:
            request = json.loads(stream.readline())
            self._do(request)
            stream.write(json.dumps(self._state()).encode() + b"\n")

    def _do(self, request: dict[str, Any]) -> None:
        if "start" in request:
            one = self.components[request["start"]]
            one.wanted, one.not_before = True, 0.0
            one.start(self.environment)
        if "end" in request:
            one = self.components[request["end"]]
            one.wanted = False
            if one.process is not None:
                os.kill(one.process.pid, request["signal"])

    def _state(self) -> dict[str, dict[str, int]]:
        return {
            name: {"running": int(one.process is not None), "ends": one.ends}
            for name, one in self.components.items()
        }


def _prepare(plan: Plan) -> None:
    for folder in plan.own:
        Path(folder).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "airtune", folder], check=True)
    for folder, short in plan.binds.items():
        Path(short).mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", folder, short], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")  # in this network namespace


def main(words: list[str]) -> None:
    """Run until a signal."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # process 1 ignores it otherwise
    plan = Plan.read(Path(words[0]))
    _prepare(plan)
    Init(plan).run()


if __name__ == "__main__":
    main(sys.argv[1:])
