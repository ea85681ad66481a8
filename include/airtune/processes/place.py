"""Where one slot's processes are recorded, and how all of them are ended."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airtune.processes.record import ProcessRecord, kill


@dataclass(frozen=True)
class Place:
    """Folder of one slot; each attempt has a gate and records of its own.

    Attributes:
        folder: ``<run_dir>/<hash of run>/<slot>``.
        attempt: grows each time a task of the slot begins; the store hands it out.
    """

    folder: Path
    attempt: int

    @classmethod
    def of(cls, run_dir: Path, run: str, slot: int, attempt: int) -> "Place":
        """The place of ``slot`` in ``run``; the folder is made if missing."""
        folder = run_dir / run_folder(run) / str(slot)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, attempt)

    @property
    def gate(self) -> Path:
        """Once this file exists, no process of this attempt starts any more."""
        return self.folder / f"gate-{self.attempt}"

    def record(self, role: str) -> Path:
        """Record file of this attempt's ``server`` or ``client``."""
        return self.folder / f"{role}-{self.attempt}.json"

    def attempts(self) -> Iterator["Place"]:
        """The places of all attempts up to this one, newest first."""
        return (Place(self.folder, attempt) for attempt in range(self.attempt, -1, -1))

    def end_all(self, grace_s: float = 5.0) -> int:
        """End every server and client of this and earlier attempts; returns how many were alive.

        Idempotent; afterwards none of them runs and none can start any more.

        Raises:
            TimeoutError: a process survived SIGKILL.
        """
        for place in self.attempts():
            place._shut()
        return self.end("client", grace_s) + self.end("server", grace_s)

    def before(self) -> "Place":
        """The place of the attempt before this one."""
        return Place(self.folder, self.attempt - 1)

    def take_over(self, grace_s: float = 5.0) -> int:
        """End the clients of earlier attempts and let these start nothing more.

        Their servers go on, so that this attempt can adopt one; ``end("server")`` ends them.
        Returns how many clients were alive.

        Raises:
            TimeoutError: a process survived SIGKILL.
        """
        earlier = self.before()
        for place in earlier.attempts():
            place._shut()
        return earlier.end("client", grace_s)

    def end(self, role: str, grace_s: float = 5.0) -> int:
        """End this and earlier attempts' processes of one role, gates left as they are."""
        return sum(place._end(role, grace_s) for place in self.attempts())

    def forget(self) -> None:
        """Remove the folder; only once the slot can start nothing any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _shut(self) -> None:
        try:
            self.gate.touch()
        except FileNotFoundError:
            return  # forgotten: without its folder nothing can record itself, so nothing starts

    def _end(self, role: str, grace_s: float) -> int:
        record = ProcessRecord.read(self.record(role))
        if record is None:
            return 0
        was_alive = bool(record.members())
        kill(record, grace_s)
        self.record(role).unlink(missing_ok=True)
        return int(was_alive)


def run_folder(run: str) -> str:
    """Name of a run's folder; run ids contain what file names must not, hence a hash."""
    return hashlib.sha256(run.encode()).hexdigest()[:12]


def end_slot(run_dir: Path, run: str, slot: int, attempt: int) -> None:
    """End all that ``slot`` has started up to ``attempt``, and see it gone; idempotent.

    Raises:
        TimeoutError: a process survived SIGKILL.
    """
    Place.of(run_dir, run, slot, attempt).end_all()
