"""Emptying a private engine: what an earlier session left in it, and what its end leaves."""

import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from airtune.testing.docker_daemon import Place
from airtune.testing.docker_images import connected

_KEPT = frozenset({"bridge", "host", "none"})
_PATIENCE_S = 10.0


def empty(url: str) -> list[str]:
    """Remove all containers, networks and volumes of the engine; images stay. Returns names.

    Only for an engine that is nobody's but the tests'.
    """
    removed = []
    with connected(url) as client:
        for container in client.containers(all=True):
            client.remove_container(container["Id"], force=True, v=True)
            removed.append(container["Names"][0].lstrip("/"))
        for network in client.networks():
            if network["Name"] not in _KEPT:
                client.remove_network(network["Id"])
                removed.append(network["Name"])
        for volume in client.volumes()["Volumes"] or []:
            client.remove_volume(volume["Name"], force=True)
            removed.append(volume["Name"])
    return removed


def end_daemon(place: Place) -> None:
    """End the engine of ``place`` and what ran in it, whoever started it; remove its mounts."""
    process = daemon(place)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process is not None and process.is_running():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
            with suppress(psutil.TimeoutExpired):
                process.wait(_PATIENCE_S)
    _end_shims(place)
    for mount in _mounts(place):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


def daemon(place: Place) -> psutil.Process | None:
    """The running ``dockerd`` of ``place``; its command line names the place, so it is the one."""
    with suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int(place.pid_file.read_text()))
        if f"--pidfile={place.pid_file}" in process.cmdline():
            return process
    return None


def another_engine(place: Place) -> bool:
    """True if a ``dockerd`` runs on this host that is not the one of ``place``."""
    own = daemon(place)
    running = psutil.process_iter(["name", "status"])
    return any(
        process.info["name"] == "dockerd"
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and (own is None or process.pid != own.pid)
        for process in running
    )


def _end_shims(place: Place) -> None:
    """Kill what a killed engine left running: containerd's shims, and the containers below."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if not words or "containerd" not in Path(words[0]).name:
                continue
            if place.name in words or any(str(place.execution) in word for word in words):
                for one in [*process.children(recursive=True), process]:
                    with suppress(psutil.NoSuchProcess):
                        one.kill()
    deadline = time.monotonic() + 1.0
    while _mounts(place) and time.monotonic() < deadline:
        time.sleep(0.05)


def _mounts(place: Place) -> list[str]:
    """Mount points of the engine, deepest first."""
    own = (place.run, place.data)  # dockerd mounts its data folder onto itself
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].replace("\\040", " ") for line in lines]
    return sorted((p for p in points if any(Path(p).is_relative_to(o) for o in own)), reverse=True)
