"""The study store: runs, attempts of slots, trials and leases in one database."""

from types import TracebackType
from typing import Self

from airtune.study.archive import Archive
from airtune.study.database import Clock, Database
from airtune.study.leases import Leases
from airtune.study.runs import Runs
from airtune.study.slots import Slots
from airtune.study.trials import Trials


class Store(Runs, Slots, Trials, Archive, Leases):
    """Everything that survives a process; its parts are the classes it is made of.

    Each call is one short transaction of its own. Usable from several processes and threads, and
    after a fork. Time is read from the database where it has a clock, so hosts need not agree.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str, *, clock: Clock | None = None) -> Self:
        """Open the store at an SQLAlchemy URL; tables are made if they are missing.

        Args:
            clock: UTC epoch seconds, for tests.

        Raises:
            SettingsError: the URL cannot be used; the text says what to write.
        """
        return cls(Database(url, clock))

    def close(self) -> None:
        """Close the connections of this process."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
