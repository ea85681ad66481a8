"""Where a running stack answers and how to log in; kept in ``stack.json`` for other programs."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from airtune.processes.record import ProcessRecord
from airtune.stack.identity import Identity, write_private


@dataclass(frozen=True)
class StackHandle:
    """Address and login of a running stack.

    Attributes:
        url: base URL of UI and REST API, without a trailing slash.
        user, password: the login; the password is not part of the ``repr``.
    """

    url: str
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, identity: Identity) -> "StackHandle":
        """The handle that belongs to ``identity``."""
        return cls(identity.url, identity.user, identity.password)

    def write(self, folder: Path) -> Path:
        """Write ``folder/stack.json``, readable by its owner only; returns its path."""
        path = folder / "stack.json"
        content = {"url": self.url, "user": self.user, "password": self.password}
        write_private(path, json.dumps(content, indent=2) + "\n")
        return path


def running_stack(folder: Path) -> StackHandle | None:
    """The stack that runs in ``folder``, whoever started it; None if none does."""
    record = ProcessRecord.read(folder / "supervisor.json")
    if record is None or not record.alive:
        return None
    try:
        return StackHandle(**json.loads((folder / "stack.json").read_text()))
    except FileNotFoundError:  # it has not finished starting
        return None
