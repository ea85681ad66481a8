"""Whether client and server share what they run on: then the client slows what it measures."""

import socket

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json


def isolated(
    server: Json, server_container: str, client: Json, client_container: str
) -> str | None:
    """Why a measurement is ``shared_host``; None where the pods do not disturb each other.

    They do not on two nodes, nor where both have whole cores of their own: Guaranteed pods with
    whole cpus, to which a kubelet with the static CPU manager gives them alone.
    """
    node = client["spec"].get("nodeName")
    if not node or node != server["spec"].get("nodeName"):
        return None
    shared = [
        name
        for name, pod, container in (
            ("server", server, server_container),
            ("client", client, client_container),
        )
        if not has_own_cores(pod, container)
    ]
    if not shared:
        return None
    return (
        f"Client and server ran on the node {node}, and the {' and the '.join(shared)} without "
        "cores of its own. Put the client on another node (kubernetes.client.node_selector), or "
        "reserve whole cores for both: cpu and memory, limits equal to requests."
    )


def has_own_cores(pod: Json, container: str) -> bool:
    """True if the container reserves whole cores: Guaranteed, and a whole number of cpus."""
    if pod.get("status", {}).get("qosClass") != "Guaranteed":
        return False
    named = [one for one in pod["spec"]["containers"] if one["name"] == container]
    found: Json = named[0] if named else {}
    cpus = str(((found.get("resources") or {}).get("limits") or {}).get("cpu", ""))
    return cpus.isdecimal() and int(cpus) > 0


def on_this_host(api: Api, server: Json) -> str | None:
    """Why a client of this host is ``shared_host``: the server's node is this host.

    None where it is another one, or cannot be told.
    """
    node = server["spec"].get("nodeName")
    if not node:
        return None
    try:
        told = api.get(paths.path_of("v1", "Node", "", node))
    except ApiRefused:  # nodes are often not ours to look at
        return None
    addresses = [str(one["address"]) for one in told.get("status", {}).get("addresses") or ()]
    if not any(_is_ours(address) for address in addresses):
        return None
    return (
        f"The client ran on the server's own node {node}. Measure from another host, or with "
        "benchmark.client: container and kubernetes.client.node_selector."
    )


def _is_ours(address: str) -> bool:
    """True for an address that a socket of this host can be bound to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:  # somebody else's, or a name
        return address == socket.gethostname()
    return True
