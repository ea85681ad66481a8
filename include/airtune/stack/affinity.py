"""Keeping Airflow off the cores that trials hold."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from airtune.launchers.cores import device_cores
from airtune.processes.record import ProcessRecord
from airtune.records import Device


def cores_left(devices: Iterable[Device], cores: Iterable[int] | None = None) -> tuple[int, ...]:
    """The cores of this host that belong to no CPU device; empty if there is none left.

    ``cores`` are those of this process unless given.
    """
    own = os.sched_getaffinity(0) if cores is None else set(cores)
    return tuple(sorted(own.difference(device_cores(tuple(devices)))))


def pin_session(leader: ProcessRecord, cores: Iterable[int]) -> None:
    """Bind every thread of every process of a session to ``cores``; later forks inherit it."""
    wanted = set(cores)
    for _ in range(2):  # once more for what was forked while the first pass ran
        for pid in leader.members():
            for thread in _threads(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, wanted)


def _threads(pid: int) -> list[int]:
    try:
        return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError:
        return []
