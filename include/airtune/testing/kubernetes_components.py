"""The programs of the private cluster and how each is called."""

from collections.abc import Mapping
from pathlib import Path
from string import Template

from airtune.testing.kubernetes_build import SOURCES, programs
from airtune.testing.kubernetes_install import CNI
from airtune.testing.kubernetes_place import NODE, Addresses, Place

PAUSE = "registry.k8s.io/pause:3.10.1"
COREDNS = "registry.k8s.io/coredns/coredns:airtune-test"

FILES = {
    "containerd.toml": "containerd.toml",
    "kubelet.yaml": "kubelet.yaml",
    "kube-proxy.yaml": "kube-proxy.yaml",
    "coredns.yaml": "coredns.yaml",
    "bridge.conflist": "cni/10-bridge.conflist",
}
"""Template in ``tests/kubernetes/cluster`` → file below the cluster's ``etc``."""

_ETCD = "http://127.0.0.1:2379"
_PEER = "http://127.0.0.1:2380"
_ISSUER = "https://kubernetes.default.svc.cluster.local"


def write_files(place: Place, addresses: Addresses) -> None:
    """Write the components' configuration below ``place.etc``."""
    values = {
        "name": place.name,
        "run": place.run,
        "state": place.state,
        "images": place.images,
        "cni": CNI,
        "pause": PAUSE,
        "coredns": COREDNS,
        "node": addresses.node.ip,
        "node_name": NODE,
        "pods": addresses.pods,
        "dns": addresses.dns,
    }
    for source, target in FILES.items():
        path = place.etc / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template((SOURCES / source).read_text()).substitute(values))
    # CoreDNS must not ask itself: names of the world are not resolved here.
    (place.etc / "resolv.conf").write_text("nameserver 127.0.0.1\n")


def command_lines(place: Place, addresses: Addresses) -> dict[str, list[str]]:
    """Component → its words, in the order in which they are started."""
    return {
        "etcd": _words("etcd", _etcd(place)),
        "containerd": ["containerd", "--config", str(place.etc / "containerd.toml")],
        "kube-apiserver": _words("kube-apiserver", _api_server(place, addresses)),
        "kube-controller-manager": _words(
            "kube-controller-manager", _controllers(place, addresses)
        ),
        "kube-scheduler": _words("kube-scheduler", _scheduler(place)),
        "kubelet": _words("kubelet", _kubelet(place, addresses)),
        "kube-proxy": _words("kube-proxy", {"config": place.etc / "kube-proxy.yaml"}),
    }


def _words(program: str, options: Mapping[str, object]) -> list[str]:
    return [str(programs() / program), *(f"--{name}={value}" for name, value in options.items())]


def _etcd(place: Place) -> dict[str, object]:
    return {
        "name": NODE,
        "data-dir": place.state / "etcd",
        "listen-client-urls": _ETCD,
        "advertise-client-urls": _ETCD,
        "listen-peer-urls": _PEER,
        "initial-advertise-peer-urls": _PEER,
        "initial-cluster": f"{NODE}={_PEER}",
        "unsafe-no-fsync": "true",  # it is forgotten with the session
        "log-level": "warn",
    }


def _api_server(place: Place, addresses: Addresses) -> dict[str, object]:
    pki = place.pki
    return {
        "etcd-servers": _ETCD,
        "bind-address": addresses.node.ip,
        "advertise-address": addresses.node.ip,
        "secure-port": 6443,
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "service-cluster-ip-range": addresses.services,
        "service-account-issuer": _ISSUER,
        "service-account-key-file": pki / "service-accounts.pub",
        "service-account-signing-key-file": pki / "service-accounts.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "apiserver-kubelet.crt",
        "kubelet-client-key": pki / "apiserver-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "requestheader-client-ca-file": pki / "front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": pki / "front-proxy.crt",
        "proxy-client-key-file": pki / "front-proxy.key",
        "enable-aggregator-routing": "true",
    }


def _controllers(place: Place, addresses: Addresses) -> dict[str, object]:
    pki = place.pki
    return _client(place, "controllers") | {
        "client-ca-file": pki / "ca.crt",
        "requestheader-client-ca-file": pki / "front-proxy-ca.crt",
        "root-ca-file": pki / "ca.crt",
        "service-account-private-key-file": pki / "service-accounts.key",
        "use-service-account-credentials": "true",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "controllers": "*,-node-ipam-controller",  # there is one node, its range is fixed
        "service-cluster-ip-range": addresses.services,
    }


def _scheduler(place: Place) -> dict[str, object]:
    return _client(place, "scheduler")


def _client(place: Place, name: str) -> dict[str, object]:
    kubeconfig = place.run / f"{name}.kubeconfig"
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
    }


def _kubelet(place: Place, addresses: Addresses) -> dict[str, object]:
    return {
        "config": place.etc / "kubelet.yaml",
        "kubeconfig": place.run / "kubelet.kubeconfig",
        "root-dir": place.state / "kubelet",
        "cert-dir": place.state / "kubelet" / "pki",
        "hostname-override": NODE,
        "node-ip": addresses.node.ip,
    }


def log_of(place: Place, component: str) -> Path:
    """Where the component's output goes."""
    return place.logs / f"{component}.log"
