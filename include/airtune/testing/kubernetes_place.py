"""A private cluster: where it keeps things, and which addresses it has."""

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

NODE = "node1"
"""Name of its one node."""


@dataclass(frozen=True)
class Place:
    """Files of one private cluster; another cache folder is another cluster.

    Attributes:
        cache: containerd's images and the logs, kept for the next session.
        run: sockets, keys and configuration of the running cluster; short, for a socket's path
            has 107 characters at most.
        name: of its network namespace, of its link on this host and of its control group.
    """

    cache: Path
    run: Path
    name: str

    @classmethod
    def below(cls, cache: Path) -> "Place":
        """The place that belongs to the cache folder ``cache``."""
        name = f"airtune-k{hashlib.sha256(str(cache).encode()).hexdigest()[:6]}"
        return cls(cache / "kubernetes", Path("/run") / name, name)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.run / "admin.kubeconfig"

    @property
    def pki(self) -> Path:
        """Certificates and keys, made anew for each session."""
        return self.run / "pki"

    @property
    def etc(self) -> Path:
        """Configuration files of the components."""
        return self.run / "etc"

    @property
    def containerd(self) -> Path:
        """The socket of its containerd."""
        return self.run / "containerd" / "containerd.sock"

    @property
    def control(self) -> Path:
        """The socket of the first process in the cluster's namespaces."""
        return self.run / "control.sock"

    @property
    def images(self) -> Path:
        """containerd's data: images, which stay, and containers, which do not."""
        return self.cache / "containerd"

    @property
    def session(self) -> Path:
        """What is forgotten at the end: etcd's data, volumes of pods."""
        return self.cache / "session"

    @property
    def state(self) -> Path:
        """The same folder as the cluster's own processes see it, by a short path."""
        return self.run / "state"

    @property
    def logs(self) -> Path:
        """Output of the latest session's components."""
        return self.cache / "log"


@dataclass(frozen=True)
class Addresses:
    """How a cluster divides its range of addresses.

    Attributes:
        range: a /16; this host's route to the cluster.
    """

    range: IPv4Network

    @property
    def host(self) -> IPv4Interface:
        """This host's end of the link: where pods find what listens here."""
        return IPv4Interface((self.range[1], 30))

    @property
    def node(self) -> IPv4Interface:
        """The node's end: API server, kubelet, node ports."""
        return IPv4Interface((self.range[2], 30))

    @property
    def pods(self) -> IPv4Network:
        """256 addresses; the node runs 100 pods at most."""
        return IPv4Network((self.range[256], 24))

    @property
    def services(self) -> IPv4Network:
        """The upper half of the range."""
        _, upper = self.range.subnets()
        return upper

    @property
    def api(self) -> IPv4Address:
        """The Service ``kubernetes``."""
        return self.services[1]

    @property
    def dns(self) -> IPv4Address:
        """The Service ``kube-dns``."""
        return self.services[10]
