"""Debian's packages that the private cluster is made of, beside what is built with Go."""

import os

from airtune.testing import debian

CNI = "/usr/lib/cni"
"""Where Debian has the plug-ins that give pods their network."""

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    f"{CNI}/bridge": "containernetworking-plugins",
    f"{CNI}/host-local": "containernetworking-plugins",
    "busybox": "busybox-static",
    "iptables": "iptables",
    "nft": "nftables",
    "ip": "iproute2",
    "mount": "mount",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
"""A program or file that the cluster needs → Debian's package with it."""


def why_not() -> str | None:
    """Why no private cluster can be started here, None if one can."""
    if os.geteuid() != 0:
        return "a private cluster needs root"
    absent = debian.missing_packages(PACKAGES)
    return f"not installed: {', '.join(absent)}" if absent else None


def provision() -> str:
    """Install what is missing (as root); returns words for the report.

    Raises:
        RuntimeError: the packages cannot be installed here.
    """
    before = debian.missing_packages(PACKAGES)
    if before:
        debian.install(before)
    if absent := debian.missing_packages(PACKAGES):
        raise RuntimeError(f"still not installed: {', '.join(absent)}")
    return f"installed {', '.join(before)}" if before else "are there"
