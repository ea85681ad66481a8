"""Docker Engine's programs: finding them, and Debian's packages where they are missing."""

import os
import shutil
from pathlib import Path

from airtune.testing import debian

PACKAGES = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "ip": "iproute2",
    "setpriv": "util-linux",
}
"""What the private engine needs → Debian's package with it."""


def find_dockerd() -> Path | None:
    """Where ``dockerd`` is, None if it is not installed."""
    found = shutil.which("dockerd", path=debian.search_path())
    return Path(found) if found else None


def why_not() -> str | None:
    """Why no private engine can be started here, None if one can."""
    if os.geteuid() != 0:
        return "a private Docker Engine needs root"
    absent = debian.missing_packages(PACKAGES)
    return f"not installed: {', '.join(absent)}" if absent else None


def provision() -> Path:
    """``find_dockerd``, after installing Debian's packages if some are missing (as root).

    Raises:
        RuntimeError: the packages cannot be installed here.
    """
    if absent := debian.missing_packages(PACKAGES):
        debian.install(absent)
    dockerd, absent = find_dockerd(), debian.missing_packages(PACKAGES)
    if dockerd is None or absent:
        raise RuntimeError(f"still not installed: {', '.join(absent)}")
    return dockerd
