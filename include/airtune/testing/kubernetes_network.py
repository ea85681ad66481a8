"""The private cluster's network namespace, and this host's link to it.

Firewall rules, bridges and links of pods are all inside: they are gone with the namespace. Outside
are one link and one route; pods reach this host, and nothing beyond it.
"""

import os
import signal
import socket
import time
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import urlsplit

from airtune.testing.docker_network import free_pool, run
from airtune.testing.kubernetes_place import Addresses, Place

POOLS = tuple(IPv4Network(f"10.{second}.0.0/16") for second in range(203, 210))
"""Ranges to choose from."""

_PATIENCE_S = 20.0


def make_network(place: Place) -> Addresses:
    """Make the namespace and the link.

    Raises:
        RuntimeError: no range of addresses is free, or a command failed.
    """
    addresses = Addresses(free_pool(run("ip", "-4", "route", "show", "table", "all"), POOLS))
    name = place.name
    run("ip", "netns", "add", name)
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "address", "add", str(addresses.host), "dev", name)
    run("ip", "link", "set", name, "up")
    run("ip", "-n", name, "address", "add", str(addresses.node), "dev", "eth0")
    run("ip", "-n", name, "link", "set", "eth0", "up")
    run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "-n", name, "route", "add", "default", "via", str(addresses.host.ip))
    run("ip", "route", "add", str(addresses.range), "via", str(addresses.node.ip), "dev", name)
    return addresses


def entering(place: Place) -> list[str]:
    """Words that run a program as process 1 of namespaces of the cluster's own.

    It ends with the thread that started it, and with it all below.
    """
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("nsenter", f"--net=/run/netns/{place.name}"),
        *("unshare", "--mount", "--propagation", "slave"),
        *("--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"),
    ]


def remove_network(place: Place) -> None:
    """End what runs in the namespace, and remove it with all that is inside; idempotent.

    Raises:
        RuntimeError: a process in it does not end.
    """
    if not Path("/run/netns", place.name).exists():
        return
    deadline = time.monotonic() + _PATIENCE_S
    while pids := run("ip", "netns", "pids", place.name).split():
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes {', '.join(pids)} of the old cluster do not end")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.05)
    with suppress(RuntimeError):  # it goes with the namespace, but only some time later
        run("ip", "link", "delete", place.name)
    run("ip", "netns", "delete", place.name)


def seen_from(server: str) -> str:
    """This host's address on the way to the API server at ``server``, which reaches it by that.

    Raises:
        OSError: there is no way to it.
    """
    parts = urlsplit(server)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # nothing is sent
        probe.connect((parts.hostname, parts.port or 443))
        return str(probe.getsockname()[0])
