"""The exceptions of airtune.

::

    AirtuneError
    ├── TaskError          the task (file or conf) cannot be used as it is
    ├── SettingsError      an AIRTUNE_* variable is missing or wrong
    ├── StudyBusyError     the same study is in another unfinished run
    ├── FencedError        an older attempt tried to write after a newer one took over
    ├── NoFeasibleTrialError   a run ended without any feasible trial
    ├── TrialFailed        one trial failed; carries its Failure
    ├── ApiError           Airflow's REST API refused or could not be reached
    └── StackError         an Airflow of one's own did not start or died
"""

from collections.abc import Sequence
from dataclasses import dataclass

from airtune.records import Failure


class AirtuneError(Exception):
    """Base of all errors that airtune raises on purpose; its text is meant for people."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a task.

    Attributes:
        path: where, in dotted form (``benchmark.num_concurrency[0]``).
        value: what stands there; None when the field is missing.
        reason: why it cannot be used.
        fix: what to write instead.
    """

    path: str
    value: object
    reason: str
    fix: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {_short(self.value)}"
        return f"{self.path}{shown}: {self.reason} {self.fix}".rstrip()


class TaskError(AirtuneError, ValueError):
    """The task cannot be used; ``problems`` lists everything found, not only the first."""

    def __init__(self, problems: Sequence[Problem], source: str = "task") -> None:
        self.problems = tuple(problems)
        self.source = source
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"{source}: {count} problem{'s' if count != 1 else ''}\n{lines}")


class SettingsError(AirtuneError, ValueError):
    """An ``AIRTUNE_*`` variable is missing or wrong; the text names it and the fix."""


class StudyBusyError(AirtuneError):
    """The same study is in another run that has not ended."""


class FencedError(AirtuneError):
    """An older attempt of a slot wrote after a newer one had taken over; nothing was written."""


class NoFeasibleTrialError(AirtuneError):
    """The run has no feasible trial; the text names the nearest miss."""


class TrialFailed(AirtuneError):
    """One trial failed; ``failure`` says how, and by its class whether a retry is worth it.

    Attributes:
        started_at: epoch seconds at which its server's process began; 0: when it was ordered;
            infinite: it never did, so the waiting is not the trial's.
    """

    def __init__(self, failure: Failure, started_at: float = 0.0) -> None:
        self.failure = failure
        self.started_at = started_at
        super().__init__(f"{failure.failure_class}: {failure.reason}")


class ApiError(AirtuneError):
    """Airflow's REST API refused the call or could not be reached."""


class StackError(AirtuneError):
    """An Airflow of one's own did not start, or one of its components died."""


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
