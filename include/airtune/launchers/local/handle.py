"""What the local launcher remembers of a server: the handle of its endpoint, also on disk."""

from pathlib import Path
from typing import Self

from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord
from airtune.records import Endpoint, Record

ROLE = "server"
"""The role under which ``Place`` records servers."""


class Handle(Record):
    """``Endpoint.handle`` of a local server.

    Attributes:
        v: version of this form.
        engine: whose log it writes.
        host, port: where it listens.
        argv: its whole command line as started, program first.
        record: file of its ``ProcessRecord``.
        log: file of its output.
        log_start: where in that file this start's output begins, in bytes.
        health_path: answers 200 once the model is loaded.
    """

    v: int = 1
    engine: str
    host: str
    port: int
    argv: list[str]
    record: str
    log: str
    log_start: int
    health_path: str

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """The handle of an endpoint that this launcher made.

        Raises:
            ValueError: it is another launcher's.
        """
        return cls.model_validate(endpoint.handle)

    @property
    def process(self) -> ProcessRecord | None:
        """The server's process record; None once clean-up has removed it."""
        return ProcessRecord.read(Path(self.record))

    def output(self, most_bytes: int = 400_000) -> str:
        """The end of what this start has written; empty if the log is not there."""
        try:
            with Path(self.log).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(self.log_start, size - most_bytes))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""


def save(endpoint: Endpoint, place: Place) -> None:
    """Keep ``endpoint`` beside its process record, so that a later attempt can adopt it."""
    path = _path(place)
    draft = path.with_suffix(".tmp")
    draft.write_text(endpoint.model_dump_json())
    draft.replace(path)


def load(place: Place) -> Endpoint | None:
    """The endpoint that this attempt has saved; None if it has not."""
    try:
        return Endpoint.model_validate_json(_path(place).read_text())
    except (FileNotFoundError, ValueError):
        return None


def _path(place: Place) -> Path:
    return place.folder / f"endpoint-{place.attempt}.json"
