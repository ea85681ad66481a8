"""Devices, their inventory as a setting, and the right of a slot to some of them."""

import re

from airtune.records.base import Record

_ITEM = re.compile(r"^(?P<kind>[a-z]+)(?P<first>\d+)(?:(?P<sep>\.\.|-)(?P<last>\d+))?$")


class Device(Record):
    """What one trial holds alone.

    Attributes:
        name: as written in leases, for example ``gpu0`` or ``cpu2-5``.
        kind: ``gpu``, ``cpu`` or ``fake``.
        indexes: GPU index, or the cores of a CPU set.
    """

    name: str
    kind: str
    indexes: tuple[int, ...]


class Lease(Record):
    """The right of one slot to some devices.

    Attributes:
        run: ``<dag_id>/<run_id>``.
        generation: grows when a task of the slot is cleared, not when it is retried.
        attempt: the attempt that last claimed the slot; a reclaim compares it.
    """

    run: str
    slot: int
    generation: int
    devices: tuple[str, ...]
    attempt: int = 0


def parse_devices(text: str) -> tuple[Device, ...]:
    """Read ``AIRTUNE_DEVICES``: ``gpu0..7`` is eight devices, ``cpu2-5`` one of four cores.

    Raises:
        ValueError: an item does not have that form, or a device or core is named twice.
    """
    devices: list[Device] = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        match = _ITEM.match(item)
        if not match or match["kind"] not in {"gpu", "cpu", "fake"}:
            raise ValueError(
                f"AIRTUNE_DEVICES: {item!r} is no device. Write for example "
                "'gpu0..7' (eight GPUs), 'cpu1' (one core), 'cpu2-5' (one device of four cores)."
            )
        devices.extend(_expand(match))
    used = [(device.kind, index) for device in devices for index in device.indexes]
    twice = sorted({f"{kind}{index}" for kind, index in used if used.count((kind, index)) > 1})
    if twice:
        raise ValueError(f"AIRTUNE_DEVICES: {', '.join(twice)} named twice in {text!r}.")
    return tuple(devices)


def _expand(match: re.Match[str]) -> list[Device]:
    kind, first = match["kind"], int(match["first"])
    last = int(match["last"]) if match["last"] else first
    if last < first:
        raise ValueError(f"AIRTUNE_DEVICES: {match[0]!r} counts backwards; write the lower first.")
    indexes = range(first, last + 1)
    if match["sep"] == "-":
        return [Device(name=match[0], kind=kind, indexes=tuple(indexes))]
    return [Device(name=f"{kind}{i}", kind=kind, indexes=(i,)) for i in indexes]
