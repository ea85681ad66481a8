"""Leases: the right of one slot to some devices, exclusive by the key of the table."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from airtune.errors import FencedError, Problem, TaskError
from airtune.records import Lease
from airtune.study import queue, tables
from airtune.study.database import Database
from airtune.study.slots import Claim, current, fence

_leases = tables.leases.c
_LOCK = "leases"


class Leases:
    """The part of the store that gives devices to slots, all that one needs or none."""

    database: Database

    def enqueue(self, run: str, slot: int, attempt: int, need: int, pool: Sequence[str]) -> None:
        """Stand in the queue for ``need`` (≥ 1) devices out of ``pool``; a place held is kept.

        Raises:
            FencedError: a newer attempt has entered the slot.
            TaskError: the pool is smaller than the need.
        """
        _refuse_too_many(need, pool)
        with self.database.write() as connection:
            self.database.serialise(connection, _LOCK)
            fence(connection, run, slot, attempt)
            queue.stand(self.database, connection, run, slot, need, pool)

    def position(self, run: str, slot: int) -> int:
        """How many slots stand before this one; 0 at the head, and for one that holds a lease.

        Only those are counted that want devices of the same pool and that asked within the last
        30 s: asking keeps a place.
        """
        with self.database.read() as connection:
            if _held(connection, run, slot):
                return 0
            due = queue.is_due(self.database, connection, run, slot)
            position = queue.ahead(self.database, connection, run, slot)
        if due:
            with self.database.write() as connection:
                queue.poll(self.database, connection, run, slot)
        return position

    def try_lease(
        self,
        run: str,
        slot: int,
        attempt: int,
        need: int,
        inventory: Sequence[str],
        generation: int,
    ) -> Lease | None:
        """Take ``need`` free devices of ``inventory``, in its order, if it is this slot's turn.

        A slot that holds its devices gets them again, whatever its attempt or generation was. A
        slot without a ticket gets one at the end of the queue.

        Returns:
            None while others stand before it or too few devices are free.

        Raises:
            FencedError: a newer attempt or generation has entered the slot.
            TaskError: the inventory is smaller than the need.
        """
        _refuse_too_many(need, inventory)
        if self._must_wait(run, slot, Claim(generation, attempt), need, inventory):
            return None
        try:
            with self.database.write() as connection:
                self.database.serialise(connection, _LOCK)
                claim = fence(connection, run, slot, attempt)
                if claim.generation != generation:
                    raise FencedError(
                        f"Slot {slot} of {run}: generation {generation} may take no devices, "
                        f"generation {claim.generation} is current."
                    )
                devices = _own(connection, run, slot, need)
                if devices is None:
                    devices = self._take(connection, run, slot, need, inventory)
                    if devices is None:
                        return None
                    owner = {"run": run, "slot": slot}
                    owner |= {"generation": generation, "attempt": attempt}
                    rows = [{"device": device} | owner for device in devices]
                    connection.execute(insert(tables.leases), rows)
                mine = update(tables.leases).where(_of(run, slot))
                connection.execute(mine.values(generation=generation, attempt=attempt))
                connection.execute(delete(tables.tickets).where(queue.of(run, slot)))
        except IntegrityError:  # the table's key has the last word
            return None
        return Lease(
            run=run, slot=slot, generation=generation, devices=tuple(devices), attempt=attempt
        )

    def release(self, run: str, slot: int, *, attempt: int | None = None) -> None:
        """Give back the slot's devices and its place in the queue; fine if it has neither.

        Raises:
            FencedError: ``attempt`` is given and a newer one has entered the slot.
        """
        with self.database.write() as connection:
            self.database.serialise(connection, _LOCK)
            if attempt is not None:
                fence(connection, run, slot, attempt)
            _give_back(connection, run, slot)

    def holders(self) -> list[Lease]:
        """All leases, across runs."""
        with self.database.read() as connection:
            rows = connection.execute(select(tables.leases).order_by(_leases.device)).all()
        devices: dict[tuple[Any, ...], list[str]] = defaultdict(list)
        for row in rows:
            devices[row.run, row.slot, row.generation, row.attempt].append(row.device)
        return [
            Lease(run=run, slot=slot, generation=generation, attempt=attempt, devices=tuple(names))
            for (run, slot, generation, attempt), names in devices.items()
        ]

    def reclaim(self, lease: Lease) -> bool:
        """Take the devices from a dead owner, only if ``lease`` is still exactly what is stored.

        False if it was given back, or if the slot was entered again since ``lease`` was read.
        """
        with self.database.write() as connection:
            self.database.serialise(connection, _LOCK)
            rows = connection.execute(
                select(tables.leases).where(_of(lease.run, lease.slot)).with_for_update()
            ).all()
            stored = {(row.device, row.generation, row.attempt) for row in rows}
            expected = {(device, lease.generation, lease.attempt) for device in lease.devices}
            if not expected or stored != expected:
                return False
            _give_back(connection, lease.run, lease.slot)
            return True

    def _must_wait(
        self, run: str, slot: int, claim: Claim, need: int, inventory: Sequence[str]
    ) -> bool:
        """True if asking in earnest would change nothing: polls are many, a write locks others."""
        with self.database.read() as connection:
            if current(connection, run, slot) != claim or _held(connection, run, slot):
                return False
            if queue.is_due(self.database, connection, run, slot):
                return False
            return bool(
                queue.ahead(self.database, connection, run, slot)
                or len(_free(connection, inventory)) < need
            )

    def _take(
        self, connection: Connection, run: str, slot: int, need: int, inventory: Sequence[str]
    ) -> list[str] | None:
        """The devices to take; None, with the place in the queue kept, if it cannot be now."""
        queue.stand(self.database, connection, run, slot, need, inventory)
        if queue.ahead(self.database, connection, run, slot):
            return None
        free = _free(connection, inventory)
        return free[:need] if len(free) >= need else None


def _own(connection: Connection, run: str, slot: int, need: int) -> list[str] | None:
    """Devices that the slot holds already; given back first if they are not as many as needed."""
    devices = _held(connection, run, slot)
    if len(devices) == need:
        return devices
    connection.execute(delete(tables.leases).where(_of(run, slot)))
    return None


def _free(connection: Connection, inventory: Sequence[str]) -> list[str]:
    taken = set(connection.execute(select(_leases.device)).scalars())
    return [device for device in inventory if device not in taken]


def _held(connection: Connection, run: str, slot: int) -> list[str]:
    query = select(_leases.device).where(_of(run, slot)).order_by(_leases.device)
    return list(connection.execute(query).scalars())


def _give_back(connection: Connection, run: str, slot: int) -> None:
    connection.execute(delete(tables.leases).where(_of(run, slot)))
    connection.execute(delete(tables.tickets).where(queue.of(run, slot)))


def _of(run: str, slot: int) -> ColumnElement[bool]:
    return (_leases.run == run) & (_leases.slot == slot)


def _refuse_too_many(need: int, pool: Sequence[str]) -> None:
    if need > len(set(pool)):
        reason = f"it needs {need} devices, this host has {len(set(pool))} ({', '.join(pool)})."
        fix = "Ask for fewer (tp, pp, dp), or name more devices in AIRTUNE_DEVICES."
        raise TaskError([Problem("devices", need, reason, fix)], source="lease")
