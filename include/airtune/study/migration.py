"""Tables of older versions brought to the present one, in place and with all their rows."""

from sqlalchemy import Connection, text, update

from airtune.study import tables

STEPS: dict[int, tuple[str, ...]] = {
    1: ("ALTER TABLE airtune_trials ADD COLUMN identity JSON DEFAULT '{}' NOT NULL",),
}
"""Version of the tables → the statements that make the next version of them.

Both SQLite and PostgreSQL understand them, and both undo them with their transaction.
"""


def migrate(connection: Connection, version: int) -> None:
    """Bring tables of ``version`` (≥ 1) to ``tables.VERSION`` within one transaction.

    The caller sees to it that no other process does the same.
    """
    for step in range(version, tables.VERSION):
        for statement in STEPS[step]:
            connection.execute(text(statement))
    connection.execute(update(tables.schema).values(version=tables.VERSION))
