"""One SQLAlchemy URL, SQLite or PostgreSQL, and the transactions that all of the store uses."""

import fcntl
import functools
import hashlib
import json
import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from airtune.errors import SettingsError
from airtune.study import tables
from airtune.study.migration import migrate

BUSY_TIMEOUT_MS = 30_000
"""How long a statement waits for SQLite's write lock before it fails."""

Clock = Callable[[], float]


class Database:
    """An opened database whose tables exist; usable from several threads and after a fork.

    A process keeps one idle connection, closed before a fork. SQLite runs in WAL mode.
    """

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        """Open ``url``; tables that are missing are made, older ones are brought to this version.

        Args:
            url: SQLAlchemy URL; ``postgresql://`` is taken as ``postgresql+psycopg://``.
            clock: UTC epoch seconds; default: the database's (PostgreSQL) or the host's (SQLite).

        Raises:
            SettingsError: the URL cannot be used, the server not be reached, or the tables are
                those of a newer airtune.
        """
        self.url = _usable(url)
        self.postgres = self.url.get_backend_name() == "postgresql"
        self._clock = clock
        self._engine = _postgres(self.url) if self.postgres else _sqlite(self.url)
        _close_before_forks(self._engine)
        try:
            self._prepare()
        except DBAPIError as error:
            self.close()
            raise SettingsError(
                f"AIRTUNE_STORE_URL: {self.url} cannot be opened ({error.orig}). "
                "Is the server up, the password right, the folder writable?"
            ) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; a later call opens it again."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and writes nothing."""
        options = {"isolation_level": "REPEATABLE READ"} if self.postgres else {}
        with self._engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end and is rolled back on any error.

        On SQLite it holds the write lock from its beginning, so what it read stays true.
        """
        with (
            self._engine.connect().execution_options(airtune_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def serialise(self, connection: Connection, name: str) -> None:
        """Let one transaction at a time go on from here, until it ends, for this ``name``."""
        if self.postgres:  # SQLite's writing transactions are one at a time anyway
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _key(name)})

    @contextmanager
    def exclusive(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """One process (and thread) at a time, outside of any transaction.

        The operating system or the server gives it free when the holder dies.

        Args:
            wait: for the holder; else the block runs at once and is told whether it is alone.
        """
        if self.postgres:
            with self._engine.connect() as connection:
                yield from self._advisory(connection, name, wait)
            return
        with Path(f"{self.url.database}.{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def _advisory(self, connection: Connection, name: str, wait: bool) -> Iterator[bool]:
        key = {"key": _key(name)}
        if wait:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), key)
            alone = True
        else:
            query = text("SELECT pg_try_advisory_lock(:key)")
            alone = bool(connection.execute(query, key).scalar_one())
        connection.commit()
        try:
            yield alone
        finally:
            if alone:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    def now(self, connection: Connection) -> float:
        """UTC epoch seconds on one clock for all hosts that share the database."""
        if self._clock:
            return self._clock()
        if self.postgres:
            query = text("SELECT extract(epoch FROM clock_timestamp())::float8")
            return float(connection.execute(query).scalar_one())
        return time.time()

    def ensure(self, connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
        """Insert ``row`` unless one with its key exists; True if it was inserted."""
        statement = self._insert(table).values(row).on_conflict_do_nothing()
        # Drivers disagree about the row count of such an insert; what it returns is certain.
        returning = statement.returning(*table.primary_key.columns)
        return connection.execute(returning).first() is not None

    def upsert(
        self,
        connection: Connection,
        table: Table,
        key: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> None:
        """Insert the row with ``key``, or set ``values`` in the one that exists."""
        statement = self._insert(table).values(**key, **values)
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(key), set_=dict(values))
        )

    def _insert(self, table: Table) -> Any:
        # The two inserts share no typed base. Imported here: the dialect in use is loaded anyway.
        if self.postgres:
            from sqlalchemy.dialects.postgresql import insert as postgres_insert

            return postgres_insert(table)
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)

    def _prepare(self) -> None:
        if self._version() != tables.VERSION:
            with self.exclusive("tables"):
                found = self._version()  # another process may have been faster
                if found is None:
                    self._create_tables()
                elif found < tables.VERSION:
                    with self.write() as transaction:
                        migrate(transaction, found)
        found = self._version()
        if found != tables.VERSION:
            raise SettingsError(
                f"AIRTUNE_STORE_URL: {self.url} has tables of version {found}, this airtune "
                f"needs {tables.VERSION}. Use the airtune that made them, or another database."
            )

    def _version(self) -> int | None:
        """Of the tables that are there; None if there are none."""
        if not inspect(self._engine).has_table(tables.schema.name):
            return None
        with self.read() as connection:
            return int(connection.execute(select(tables.schema.c.version)).scalar_one())

    def _create_tables(self) -> None:
        if not self.postgres:
            # Outside of a transaction; and two processes that switch at once would fail.
            connection = self._engine.raw_connection()
            connection.cursor().execute("PRAGMA journal_mode=WAL")
            connection.close()
        with self.write() as transaction:
            tables.metadata.create_all(transaction, checkfirst=False)
            self.ensure(transaction, tables.schema, {"version": tables.VERSION})


def _usable(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError(
            "AIRTUNE_STORE_URL is no database URL. Write for example "
            "sqlite:////var/lib/airtune/airtune.db or postgresql+psycopg://user:password@host/db."
        ) from None
    backend = parsed.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise SettingsError(
            f"AIRTUNE_STORE_URL: {backend} is not supported; use sqlite or postgresql."
        )
    if not parsed.database or parsed.database == ":memory:":
        raise SettingsError(
            "AIRTUNE_STORE_URL: an SQLite store needs a file, several processes share it. "
            "Write for example sqlite:////var/lib/airtune/airtune.db."
        )
    return parsed


_dumps = functools.partial(json.dumps, allow_nan=False)


def _sqlite(url: URL) -> Engine:
    try:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"AIRTUNE_STORE_URL: {url} cannot be made ({error}).") from error
    engine = create_engine(url, pool_size=1, max_overflow=8, json_serializer=_dumps)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, see _begin
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        # Whatever process is killed, nothing committed is lost; only a power cut can undo the
        # last moments, and it ends the servers that they tell of.
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("airtune_write")
        # IMMEDIATE: a read lock that wants to become a write lock fails without waiting.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgres(url: URL) -> Engine:
    return create_engine(
        url, pool_size=1, max_overflow=8, pool_pre_ping=True, json_serializer=_dumps
    )


def _close_before_forks(engine: Engine) -> None:
    """A connection must not be known to two processes, not even to be closed by one of them."""
    alive = weakref.ref(engine)

    def close() -> None:
        if (found := alive()) is not None:
            found.dispose()

    os.register_at_fork(before=close)


def _key(name: str) -> int:
    digest = hashlib.sha256(f"airtune:{name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
