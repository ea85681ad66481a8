"""Which cores of this host a server runs on, and which are left to the client."""

import os
from collections.abc import Collection, Sequence

from airtune.records import Device


def device_cores(devices: Sequence[Device]) -> tuple[int, ...]:
    """The cores of the CPU sets among ``devices``; none for GPUs, whose servers run anywhere."""
    return tuple(sorted(i for device in devices if device.kind == "cpu" for i in device.indexes))


def free_cpus(
    devices: Sequence[Device], inventory: Sequence[Device], host: Collection[int] | None = None
) -> tuple[int, ...]:
    """The cores left to the client; none when nothing can be left (then it is not pinned).

    Args:
        devices: held by the trial.
        inventory: all devices of the host, other trials' too.
        host: cores to choose from; those this process may use unless given.

    Returns:
        cores that no device of the inventory has; where the inventory has them all, those that
        this trial does not hold.
    """
    cores = os.sched_getaffinity(0) if host is None else set(host)
    for taken in (inventory, devices):
        if left := set(cores).difference(device_cores(taken)):
            return tuple(sorted(left))
    return ()
