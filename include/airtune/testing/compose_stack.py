"""The stack of ``docker-compose.yaml`` as a test brings it up: own project, ``.env``, port."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from airtune.launchers.docker import names
from airtune.stack.compose.dotenv import host_values, make_folders, random_secrets, write_dotenv
from airtune.stack.compose.prepare import ADMIN
from airtune.stack.handle import StackHandle
from airtune.testing.docker_images import connected

PROJECT = Path(__file__).resolve().parents[3]
_FOLDERS = ("results", "benchmark_results", "tasks", "models")
_LABEL = "com.docker.compose.project"
_UP_S = 300
_TAIL = 4000


class ComposeStack:
    """One Compose project of the project's own file; nothing of it is shared with another.

    Attributes:
        folder: holds ``.env`` and what the containers share with the host.
        name: of the Compose project; networks and volumes are named after it.
        port: of UI and REST API on 127.0.0.1.
        values: variables of ``.env``.
    """

    def __init__(
        self, folder: Path, name: str, *, binary: Path, host: str, values: Mapping[str, str]
    ) -> None:
        """Write the folder's ``.env``.

        Args:
            binary: Compose v2.
            host: the engine, ``unix://…``: its socket is what the scheduler gets.
            values: variables that differ from those that ``make env`` would write.
        """
        self.folder = folder
        self.name = name
        self.port = _free_port()
        self._binary = binary
        self._host = host
        write_dotenv(
            folder / ".env",
            PROJECT / ".env.example",
            random_secrets() | host_values("fake0..1", 0, {"DOCKER_HOST": host}),
        )
        own = {
            "AIRTUNE_PORT": str(self.port),
            "AIRTUNE_NETWORK": f"{name}-engines",
            "AIRTUNE_HUB_VOLUME": f"{name}-hub",
            "AIRTUNE_MODEL_ROOT": str(folder / "models"),
            **values,
        }
        with (folder / ".env").open("a") as file:  # the last line of a name counts
            file.writelines(f"{variable}={value}\n" for variable, value in own.items())
        make_folders(folder, _FOLDERS)
        self.values = _read(folder / ".env")

    @property
    def handle(self) -> StackHandle:
        """Address and login, for ``AirflowApi``."""
        url = f"http://127.0.0.1:{self.port}"
        return StackHandle(url, ADMIN, self.values["AIRTUNE_ADMIN_PASSWORD"])

    def run(self, *words: str, timeout_s: float = 120.0) -> "subprocess.CompletedProcess[str]":
        """``docker compose WORDS`` for this project; never raises for its exit code."""
        files = ["--file", str(PROJECT / "docker-compose.yaml")]
        files += ["--project-directory", str(self.folder), "--project-name", self.name]
        # What the shell has set would win over .env.
        kept = {"PATH", "HOME", "TMPDIR"}
        environment = {name: os.environ[name] for name in kept & set(os.environ)}
        return subprocess.run(
            [str(self._binary), *files, *words],
            env=environment | {"DOCKER_HOST": self._host},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def up(self) -> StackHandle:
        """Start all services and wait until each is healthy.

        Raises:
            RuntimeError: one is not; the text has the end of the services' output.
        """
        done = self.run("up", "--detach", "--wait", timeout_s=_UP_S)
        if done.returncode:
            logs = self.run("logs", "--no-color", "--tail", "30").stdout
            raise RuntimeError(f"{done.stderr[-_TAIL:]}\n{logs[-_TAIL:]}")
        return self.handle

    def down(self) -> None:
        """Remove all of it: containers, networks, volumes. Idempotent.

        Raises:
            RuntimeError: Compose could not.
        """
        done = self.run("down", "--volumes", "--remove-orphans", timeout_s=_UP_S)
        if done.returncode:
            raise RuntimeError(done.stderr[-_TAIL:])

    def states(self) -> dict[str, str]:
        """Service → ``running``, ``exited``, ``created`` …, of every container that exists."""
        lines = self.run("ps", "--all", "--format", "json").stdout.splitlines()
        return {one["Service"]: one["State"] for one in map(json.loads, lines)}

    def left(self) -> list[str]:
        """Containers, networks and volumes of this project, and those that its airtune made."""
        found = []
        labels = (
            f"{_LABEL}={self.name}",
            f"{names.INSTALLATION}={self.values['AIRTUNE_INSTALLATION']}",
        )
        with connected(self._host) as client:
            for label in labels:
                chosen = {"label": label}
                found += [c["Names"][0] for c in client.containers(all=True, filters=chosen)]
                found += [n["Name"] for n in client.networks(filters=chosen)]
                found += [v["Name"] for v in client.volumes(filters=chosen)["Volumes"] or []]
        return found


@contextmanager
def compose_stack(
    folder: Path, name: str, *, binary: Path, host: str, values: Mapping[str, str]
) -> Iterator[ComposeStack]:
    """A project that is not started yet; removed at the end, whatever became of it."""
    stack = ComposeStack(folder, name, binary=binary, host=host, values=values)
    try:
        yield stack
    finally:
        stack.down()


def _read(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
