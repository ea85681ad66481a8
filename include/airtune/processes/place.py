"""Where one slot's processes are recorded, and how all of them are ended."""

import hashlib
import shutil
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
        folder = run_dir / hashlib.sha256(run.encode()).hexdigest()[:12] / str(slot)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, attempt)

    @property
    def gate(self) -> Path:
        """Once this file exists, no process of this attempt starts any more."""
        return self.folder / f"gate-{self.attempt}"

    def record(self, role: str) -> Path:
        """Record file of this attempt's ``server`` or ``client``."""
        return self.folder / f"{role}-{self.attempt}.json"

    def end_all(self, grace_s: float = 5.0) -> int:
        """End every server and client of this and earlier attempts; returns how many were alive.

        Idempotent; afterwards none of them runs and none can start any more.

        Raises:
            TimeoutError: a process survived SIGKILL.
        """
        return sum(self._end(role, grace_s) for role in ("client", "server"))

    def end(self, role: str, grace_s: float = 5.0) -> int:
        """End this and earlier attempts' processes of one role, gates left as they are."""
        return self._end(role, grace_s, shut=False)

    def forget(self) -> None:
        """Remove the folder; only once the slot can start nothing any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, role: str, grace_s: float, shut: bool = True) -> int:
        ended = 0
        for attempt in range(self.attempt + 1):
            place = Place(self.folder, attempt)
            if shut:
                place.gate.touch()
            record = ProcessRecord.read(place.record(role))
            if record is None:
                continue
            ended += bool(record.members())
            kill(record, grace_s)
            place.record(role).unlink(missing_ok=True)
        return ended
