"""The queue for devices: first come, first served, also for those that need several at once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from airtune.study import tables
from airtune.study.database import Database

STALE_S = 30.0
"""A ticket that was not polled for this long is passed over; polled again, it counts again."""

_REFRESH_S = 5.0
_tickets = tables.tickets.c


def stand(
    database: Database, connection: Connection, run: str, slot: int, need: int, pool: Sequence[str]
) -> None:
    """Give the slot a ticket at the end of the queue, or keep the one that it has."""
    now = database.now(connection)
    row = {"run": run, "slot": slot, "need": need, "pool": sorted(pool), "polled_at": now}
    if database.ensure(connection, tables.tickets, row):
        return
    connection.execute(
        update(tables.tickets)
        .where(of(run, slot))
        .values(need=need, pool=sorted(pool), polled_at=now)
    )


def is_due(database: Database, connection: Connection, run: str, slot: int) -> bool:
    """True if the slot has no ticket, or it is time to note that it still waits."""
    query = select(_tickets.polled_at).where(of(run, slot))
    polled_at = connection.execute(query).scalar_one_or_none()
    return polled_at is None or polled_at < database.now(connection) - _REFRESH_S


def poll(database: Database, connection: Connection, run: str, slot: int) -> None:
    """Note that the slot still waits."""
    now = database.now(connection)
    connection.execute(update(tables.tickets).where(of(run, slot)).values(polled_at=now))


def ahead(database: Database, connection: Connection, run: str, slot: int) -> int:
    """How many slots that still wait, for devices this slot could use too, came before it.

    A slot without a ticket stands behind all others.
    """
    own = connection.execute(select(tables.tickets).where(of(run, slot))).one_or_none()
    fresh = _tickets.polled_at >= database.now(connection) - STALE_S
    others: list[Any] = list(
        connection.execute(select(_tickets.number, _tickets.pool).where(fresh, ~of(run, slot)))
    )
    if own is None:
        return len(others)
    return sum(
        other.number < own.number and not set(own.pool).isdisjoint(other.pool) for other in others
    )


def of(run: str, slot: int) -> ColumnElement[bool]:
    """Condition: the ticket of this slot."""
    return (_tickets.run == run) & (_tickets.slot == slot)
