"""Debian's packages for tests: which are missing, and installing them."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

_SERVERS = frozenset({"dockerd", "containerd"})
_PATIENCE_S = 15.0


def missing_packages(needed: Mapping[str, str]) -> list[str]:
    """Packages that are not installed.

    Args:
        needed: a program's name or a file's full path → Debian's package with it.
    """
    return sorted(
        {
            package
            for name, package in needed.items()
            if not shutil.which(name, path=search_path()) and not _is_file(name)
        }
    )


def install(packages: list[str]) -> None:
    """Install them (as root); the engines that Debian starts with them are stopped again.

    Those that ran before go on.

    Raises:
        RuntimeError: apt-get failed (with the end of its output).
    """
    before = _servers()
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    chosen = ["install", "-y", "-q", "--no-install-recommends", *packages]
    try:
        for words in (["update", "-q"], chosen):
            subprocess.run(["apt-get", *words], env=environment, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", b"") or b""
        raise RuntimeError(
            f"cannot install {', '.join(packages)} by apt-get: {error}\n"
            f"{detail.decode(errors='replace')[-1000:]}"
        ) from error
    if not before:
        _stop_services()


def search_path() -> str:
    """PATH with the system's folders, which are not everybody's."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def _is_file(name: str) -> bool:
    return name.startswith("/") and Path(name).exists()


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
