"""What a kubelet changes on its host beyond its namespaces: control groups and kernel settings.

Both are put right when the cluster stops, or when the next one starts after a session was killed.
"""

import json
import time
from contextlib import suppress
from pathlib import Path

from airtune.testing.kubernetes_place import Place

SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
"""Files below /proc/sys that a kubelet writes."""

_SYS = Path("/proc/sys")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_GROUPS = Path("/sys/fs/cgroup")
_PATIENCE_S = 5.0


def save_settings(place: Place) -> None:
    """Keep the kernel's settings as they are now on disk, for this boot."""
    values = {name: (_SYS / name).read_text().strip() for name in SETTINGS}
    kept = {"boot": _BOOT.read_text().strip(), "values": values}
    _kept(place).write_text(json.dumps(kept, indent=1) + "\n")


def restore_settings(place: Place) -> None:
    """Give the kernel's settings their values back, if some are kept; idempotent."""
    if not _kept(place).exists():
        return
    with suppress(ValueError, KeyError):  # written half: the cluster was not yet started
        kept = json.loads(_kept(place).read_text())
        if kept["boot"] == _BOOT.read_text().strip():
            for name, value in kept["values"].items():
                (_SYS / name).write_text(f"{value}\n")
    _kept(place).unlink()


def make_groups(place: Place, groups: Path = _GROUPS) -> None:
    """Make the control group that the kubelet's own are made in; in each hierarchy of version 1."""
    if (groups / "cgroup.controllers").exists():
        _delegate(groups)
    for hierarchy in _hierarchies(groups):
        group = hierarchy / place.name
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):  # of version 1: empty at first, then unusable
            if (group / name).exists() and not (group / name).read_text().strip():
                (group / name).write_text((hierarchy / name).read_text())


def remove_groups(place: Place, groups: Path = _GROUPS) -> None:
    """Remove the control group and those below; their processes must be about to end."""
    deadline = time.monotonic() + _PATIENCE_S
    while left := [h / place.name for h in _hierarchies(groups) if (h / place.name).exists()]:
        for group in left:
            below = [path for path in group.rglob("*") if path.is_dir()]
            for path in [*sorted(below, reverse=True), group]:
                with suppress(OSError):
                    path.rmdir()
        if time.monotonic() > deadline:
            return  # an empty group is no harm, and the next start tries again
        time.sleep(0.02)


def _hierarchies(groups: Path) -> list[Path]:
    """One with version 2, one for each controller with version 1."""
    if (groups / "cgroup.controllers").exists():
        return [groups]
    found = [path for path in sorted(groups.glob("*")) if not path.is_symlink()]
    return [path for path in found if (path / "cgroup.procs").exists()]


def _delegate(groups: Path) -> None:
    """Version 2: a kubelet wants these controllers in the group that it is given."""
    there = (groups / "cgroup.controllers").read_text().split()
    for name in ("cpu", "cpuset", "hugetlb", "io", "memory", "pids"):
        if name in there:
            with suppress(OSError):
                (groups / "cgroup.subtree_control").write_text(f"+{name}")


def _kept(place: Place) -> Path:
    return place.cache / "settings.json"
