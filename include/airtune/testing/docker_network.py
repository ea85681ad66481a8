"""The private engine's network: a bridge, a range of addresses and three firewall rules of its own.

What is changed on the host is undone by ``remove_network``, also after a session that was killed.
"""

import os
import subprocess
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Interface, IPv4Network, NetmaskValueError
from pathlib import Path

from airtune.testing.debian import search_path
from airtune.testing.docker_daemon import Place

POOLS = tuple(IPv4Network(f"10.{second}.0.0/16") for second in range(213, 220))
"""Ranges to choose from: 255 networks of 254 addresses each."""

_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def make_network(place: Place) -> IPv4Network:
    """Make bridge and rules, let the host forward; returns the range of addresses.

    Raises:
        RuntimeError: no range is free, or a command failed.
    """
    remove_network(place, restore=False)
    pool = free_pool(run("ip", "-4", "route", "show", "table", "all"))
    first = next(pool.subnets(new_prefix=24))
    run("ip", "link", "add", place.name, "type", "bridge")
    run("ip", "address", "add", f"{first[1]}/{first.prefixlen}", "dev", place.name)
    run("ip", "link", "set", place.name, "up")
    for rule in rules(pool, place.name):
        run("iptables", "--wait", *rule)
    _forward(place)
    return pool


def remove_network(place: Place, *, restore: bool = True) -> None:
    """Remove what ``make_network`` made, if it is there.

    Args:
        restore: also give the host's forwarding its value back.
    """
    pools = set()
    for table in ("filter", "nat"):
        listed = run("iptables", "--wait", "-t", table, "-S").splitlines()
        for words in map(str.split, listed):
            if words[0] == "-A" and place.name in words:
                pools |= {words[words.index("-s") + 1]} if "-s" in words else set()
                run("iptables", "--wait", "-t", table, "-D", *words[1:])
    for link in links(run("ip", "-o", "-4", "address", "show"), pools):
        run("ip", "link", "delete", link)
    if restore:
        _restore(place)


def rules(pool: IPv4Network, name: str) -> list[list[str]]:
    """Arguments of iptables: containers reach the world, and the world's answers reach them.

    They come first in FORWARD, whose policy an engine of the user may have set to DROP. Each
    carries ``name`` as a comment, by which it is found again.
    """
    inside, mark = str(pool), ["-m", "comment", "--comment", name]
    leaving = ["-s", inside, "!", "-d", inside]
    answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    return [
        ["-t", "filter", "-I", "FORWARD", "-d", inside, *answers, *mark, "-j", "ACCEPT"],
        ["-t", "filter", "-I", "FORWARD", "-s", inside, *mark, "-j", "ACCEPT"],
        ["-t", "nat", "-A", "POSTROUTING", *leaving, *mark, "-j", "MASQUERADE"],
    ]


def links(addresses: str, pools: set[str]) -> list[str]:
    """Names of the links whose address lies in one of ``pools``.

    They are the engine's bridge, and those of networks that a killed engine has left.

    Args:
        addresses: as ``ip -o -4 address show`` prints them.
    """
    ranges = [IPv4Network(pool) for pool in pools]
    rows = [line.split() for line in addresses.splitlines()]
    return [
        row[1] for row in rows if any(IPv4Interface(row[3]).ip in network for network in ranges)
    ]


def free_pool(routes: str, pools: Sequence[IPv4Network] = POOLS) -> IPv4Network:
    """The first of ``pools`` that no route of ``routes`` (as ``ip route`` prints them) touches.

    Raises:
        RuntimeError: all are in use.
    """
    used = [network for line in routes.splitlines() if (network := _target(line))]
    for pool in pools:
        if not any(pool.overlaps(network) for network in used):
            return pool
    raise RuntimeError(f"No range of addresses is free: {', '.join(map(str, pools))} are routed.")


def _target(line: str) -> IPv4Network | None:
    kinds = {"local", "broadcast", "unreachable", "blackhole", "throw", "prohibit", "multicast"}
    words = [word for word in line.split() if word not in kinds]
    if not words or words[0] == "default":
        return None
    try:
        return IPv4Network(words[0], strict=False)
    except (AddressValueError, NetmaskValueError):
        return None


def _forward(place: Place) -> None:
    """Let the host forward; what it did before is kept on disk, for this boot."""
    before = _FORWARD.read_text().strip()
    if before != "1":
        (place.cache / "ip_forward").write_text(f"{_BOOT.read_text().strip()} {before}\n")
        _FORWARD.write_text("1\n")


def _restore(place: Place) -> None:
    kept = place.cache / "ip_forward"
    if kept.exists():
        boot, before = kept.read_text().split()
        # Another engine that was started meanwhile needs it, too: it has chains in the firewall.
        if boot == _BOOT.read_text().strip() and "DOCKER" not in run("iptables", "--wait", "-S"):
            _FORWARD.write_text(f"{before}\n")
        kept.unlink()


def run(*words: str) -> str:
    """What a program of the system prints. Raises RuntimeError if it fails, with its words."""
    environment = os.environ | {"PATH": search_path()}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
