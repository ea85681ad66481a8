"""A private ``dockerd``: where it keeps things and how it is called."""

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Files of one private engine; another cache folder is another engine.

    Attributes:
        cache: images and the log, kept for the next session.
        run: sockets, process ids and mounts of the running engine; short, for a socket's path
            has 107 characters at most.
        name: of its bridge, of its firewall rules and of its containerd namespace.
    """

    cache: Path
    run: Path
    name: str

    @classmethod
    def below(cls, cache: Path) -> "Place":
        """The place that belongs to the cache folder ``cache``."""
        name = f"airtune-{hashlib.sha256(str(cache).encode()).hexdigest()[:6]}"
        return cls(cache / "docker", Path("/run") / name, name)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self.run / 'docker.sock'}"

    @property
    def data(self) -> Path:
        """Its images, containers and volumes."""
        return self.cache / "data"

    @property
    def log(self) -> Path:
        """Output of the latest session's ``dockerd``."""
        return self.cache / "dockerd.log"

    @property
    def execution(self) -> Path:
        """Its mounts, and the containerd that it starts."""
        return self.run / "exec"

    @property
    def pid_file(self) -> Path:
        """Names its process while it runs."""
        return self.run / "dockerd.pid"

    @property
    def hold(self) -> Path:
        """While this file exists a killed engine is not started again."""
        return self.run / "hold"


def dockerd_words(dockerd: Path, place: Place, pool: IPv4Network) -> list[str]:
    """The command line of the private engine.

    It shares nothing with an engine of the user: not the configuration, not the bridge, not the
    namespace in a containerd that runs already. And it leaves the firewall alone: two engines
    that both write iptables' DOCKER chains flush each other's. ``docker_network`` has the few
    rules that it needs instead. Ports published on the loopback need none.
    """
    return [
        "setpriv",
        "--pdeathsig",
        "TERM",  # ends with the process that started it, should that be killed
        str(dockerd),
        f"--host={place.url}",
        f"--data-root={place.data}",
        f"--exec-root={place.execution}",
        f"--pidfile={place.pid_file}",
        f"--config-file={place.run / 'daemon.json'}",
        f"--containerd-namespace={place.name}",
        f"--containerd-plugins-namespace={place.name}-plugins",
        f"--bridge={place.name}",
        f"--default-address-pool=base={pool},size=24",
        "--iptables=false",
        "--ip6tables=false",
        "--log-level=warn",
    ]
