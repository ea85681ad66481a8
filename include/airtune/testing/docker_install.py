"""Docker Engine's programs: finding them, and Debian's packages where they are missing."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil

PACKAGES = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "ip": "iproute2",
    "setpriv": "util-linux",
}
"""What the private engine needs → Debian's package with it."""

_SERVERS = frozenset({"dockerd", "containerd"})
_PATIENCE_S = 15.0


def find_dockerd() -> Path | None:
    """Where ``dockerd`` is, None if it is not installed."""
    found = shutil.which("dockerd", path=search_path())
    return Path(found) if found else None


def missing_packages() -> list[str]:
    """Debian's packages that a private engine lacks here."""
    return sorted(
        {
            package
            for name, package in PACKAGES.items()
            if not shutil.which(name, path=search_path())
        }
    )


def why_not() -> str | None:
    """Why no private engine can be started here, None if one can."""
    if os.geteuid() != 0:
        return "a private Docker Engine needs root"
    absent = missing_packages()
    return f"not installed: {', '.join(absent)}" if absent else None


def provision() -> Path:
    """``find_dockerd``, after installing Debian's packages if some are missing (as root).

    The engine that Debian starts with the package is stopped again; one that ran before is not.

    Raises:
        RuntimeError: the packages cannot be installed here.
    """
    absent = missing_packages()
    if absent:
        before = _servers()
        _install(absent)
        if not before:
            _stop_services()
    dockerd = find_dockerd()
    if dockerd is None or missing_packages():
        raise RuntimeError(f"still not installed: {', '.join(missing_packages())}")
    return dockerd


def _install(packages: list[str]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "-y", "-q", "--no-install-recommends", *packages]
    try:
        for words in (["update", "-q"], install):
            subprocess.run(["apt-get", *words], env=environment, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", b"") or b""
        raise RuntimeError(
            f"cannot install {', '.join(packages)} by apt-get: {error}\n"
            f"{detail.decode(errors='replace')[-1000:]}"
        ) from error


def _stop_services() -> None:
    """Stop what the packages have just started; by its init script, else by its pid."""
    for service in ("docker", "containerd"):
        if Path("/etc/init.d", service).exists():
            subprocess.run(["service", service, "stop"], check=False, capture_output=True)
    for process in _servers():
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    while _servers() and time.monotonic() < deadline:
        time.sleep(0.1)


def _servers() -> list[psutil.Process]:
    running = psutil.process_iter(["name", "status"])
    return [
        process
        for process in running
        if process.info["name"] in _SERVERS and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def search_path() -> str:
    """PATH with the system's folders, which are not everybody's."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
