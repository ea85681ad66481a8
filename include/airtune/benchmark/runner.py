"""The port behind which the client runs: as a process of this host, or in a container."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from airtune.benchmark.output import ClientOutput
from airtune.benchmark.surroundings import Surroundings
from airtune.records import Endpoint, ValidityFlag
from airtune.task import Task


class Ended(Enum):
    """How the client came to its end."""

    BY_ITSELF = "by itself"
    RESULT_COMPLETE = "result complete"
    LIMIT = "limit"
    SERVER_GONE = "server gone"
    FENCED_OFF = "fenced off"


@dataclass(frozen=True)
class Ending:
    """The client's end.

    Attributes:
        how: by itself, or ended by us and why; ``FENCED_OFF``: this attempt is over, so it was
            never started, or a newer attempt has ended it.
        exit_code: None unless it ended by itself.
        seconds: wall-clock from its start.
    """

    how: Ended
    exit_code: int | None
    seconds: float


class Runner(Protocol):
    """Runs the client at one load point after the other."""

    def surroundings(self, endpoint: Endpoint, task: Task, own: Path) -> Surroundings:
        """What the client will find.

        Args:
            own: the load point's folder on this host.

        Raises:
            TaskError: the tokenizer is a path and nothing is there.
        """

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        around: Surroundings,
        output: ClientOutput,
        limit_s: float,
        complete: Callable[[], bool],
    ) -> Ending:
        """Run the client until it ends, ``complete()`` is true, or ``limit_s`` is over.

        When this returns or raises, the client is gone, and what it left is in ``around.own``.

        Raises:
            TrialFailed: ``image`` or ``infrastructure``: it could not be run.
        """

    def doubts(self) -> Mapping[ValidityFlag, str]:
        """What speaks against the last measurement because of where its client ran."""
