"""One session of a private cluster: its lock, its files, its first process, and its end."""

import fcntl
import shutil
import subprocess
import sys
from typing import TextIO

from airtune.testing.debian import search_path
from airtune.testing.kubernetes_build import programs
from airtune.testing.kubernetes_components import command_lines, write_files
from airtune.testing.kubernetes_host import (
    make_groups,
    remove_groups,
    restore_settings,
    save_settings,
)
from airtune.testing.kubernetes_init import Plan
from airtune.testing.kubernetes_network import entering, make_network, remove_network
from airtune.testing.kubernetes_pki import write_pki
from airtune.testing.kubernetes_place import Addresses, Place

_FIXED = ("/run/containerd", "/var/log/containers")
"""Folders that containerd and kubelet use whatever they are told."""


def locked(place: Place) -> TextIO:
    """The lock of the place, to be closed at the end. Raises RuntimeError if another has it."""
    lock = (place.cache / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise RuntimeError(
            f"Another test session uses the cluster in {place.cache}: wait for its end, or name "
            "another folder in AIRTUNE_TEST_CACHE."
        ) from None
    return lock


def prepare(place: Place) -> Addresses:
    """Make network, control groups, keys and configuration.

    Raises:
        RuntimeError: no range of addresses is free, or a command failed.
    """
    for folder in (place.run, place.images, place.session, place.logs):
        folder.mkdir(parents=True, exist_ok=True)
    place.run.chmod(0o700)  # keys
    for log in place.logs.glob("*.log"):
        log.unlink()
    save_settings(place)
    make_groups(place)
    addresses = make_network(place)
    write_pki(place, addresses)
    write_files(place, addresses)
    path = f"{programs()}:{search_path()}"
    plan = Plan(
        control=str(place.control),
        logs=str(place.logs),
        components=command_lines(place, addresses),
        environment={"PATH": path, "HOME": str(place.session)},
        binds={str(place.session): str(place.state)},
        own=list(_FIXED),
    )
    plan.write(place.run / "plan.json")
    return addresses


def first_process(place: Place) -> "subprocess.Popen[bytes]":
    """Start ``kubernetes_init`` in the cluster's namespaces; it ends with the calling thread."""
    words = [sys.executable, "-m", "airtune.testing.kubernetes_init", str(place.run / "plan.json")]
    with (place.logs / "init.log").open("wb") as log:
        return subprocess.Popen(
            [*entering(place), *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the tests, which need it to clean up
        )


def clean(place: Place) -> None:
    """End the cluster of ``place``, whoever started it, and undo what it changed; idempotent.

    Raises:
        RuntimeError: a process of it does not end.
    """
    remove_network(place)
    remove_groups(place)
    restore_settings(place)
    for folder in (place.run, place.session):
        shutil.rmtree(folder, ignore_errors=True)
