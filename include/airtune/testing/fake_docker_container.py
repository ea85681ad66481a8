"""A container of the fake Docker Engine."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_NEVER = "0001-01-01T00:00:00Z"


def stamp(at: float | None = None) -> str:
    """A time stamp as the engine writes them; now unless ``at`` (epoch seconds) is given."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


@dataclass
class FakeContainer:
    """What a test can see of it and do to it.

    Attributes:
        config: keyword arguments of ``create_container``.
        host_config: as the SDK would send it.
        port: of this host, on which "its" server listens; what is published leads there.
        lines: (time stamp, text) of its output.
    """

    id: str
    name: str
    config: Mapping[str, Any]
    host_config: Mapping[str, Any]
    status: str = "created"
    exit_code: int = 0
    oom_killed: bool = False
    restarts: int = 0
    started_at: str = _NEVER
    finished_at: str = _NEVER
    port: int | None = None
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return dict(self.config.get("labels") or {})

    def start(self) -> None:
        """From now on it runs."""
        self.status, self.started_at = "running", stamp()

    def write(self, text: str) -> None:
        """Add lines to its output."""
        self.lines += [(stamp(), line) for line in text.splitlines()]

    def end(self, code: int, log: str = "", *, oom: bool = False) -> None:
        """It ends with that exit code, after it has written ``log``."""
        self.write(log)
        self.status, self.exit_code, self.oom_killed = "exited", code, oom
        self.finished_at = stamp()

    def inspect(self) -> dict[str, Any]:
        """The answer of ``inspect_container``."""
        words = [*(self.config.get("entrypoint") or []), *(self.config.get("command") or [])]
        running = self.status == "running"
        published = running and "PortBindings" in self.host_config and self.port is not None
        bindings = [{"HostIp": "127.0.0.1", "HostPort": str(self.port)}] if published else []
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Image": self.config["image"],
            "Path": words[0] if words else "",
            "Args": words[1:],
            "RestartCount": self.restarts,
            "Config": {"Image": self.config["image"], "Labels": self.labels},
            "HostConfig": {"NetworkMode": "default", **self.host_config},
            "NetworkSettings": {"Ports": {"8000/tcp": bindings} if bindings else {}},
            "State": {
                "Status": self.status,
                "Running": running,
                "Restarting": False,
                "OOMKilled": self.oom_killed,
                "ExitCode": self.exit_code,
                "StartedAt": self.started_at,
                "FinishedAt": self.finished_at,
            },
        }

    def row(self) -> dict[str, Any]:
        """As ``containers`` lists it."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "State": self.status,
            "Labels": self.labels,
            "Created": int(time.time()),
        }
