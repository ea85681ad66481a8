"""The classes of failure, the state each gives its trial, and how often each is retried."""

from enum import StrEnum

from airtune.records.base import Record
from airtune.records.state import TrialState


class FailureClass(StrEnum):
    """Why a trial has no score. The table below is the whole policy."""

    INVALID_CONFIG = "invalid_config"
    OOM = "oom"
    OVERLOAD = "overload"
    SLO = "slo"
    IMAGE = "image"
    STARTUP_CRASH = "startup_crash"
    STARTUP_TIMEOUT = "startup_timeout"
    UNHEALTHY = "unhealthy"
    BENCHMARK_ERROR = "benchmark_error"
    BENCHMARK_TIMEOUT = "benchmark_timeout"
    INFRASTRUCTURE = "infrastructure"
    CANCELLED = "cancelled"

    @property
    def state(self) -> TrialState:
        """The trial's state: ``infeasible`` where the configuration itself is at fault."""
        return TrialState.INFEASIBLE if self in _INFEASIBLE else TrialState.FAILED

    @property
    def retries(self) -> int:
        """How many more tries a failure of this class is worth; deterministic ones get none."""
        return _RETRIES.get(self, 0)


_INFEASIBLE = {
    FailureClass.INVALID_CONFIG,
    FailureClass.OOM,
    FailureClass.OVERLOAD,
    FailureClass.SLO,
}
_RETRIES = {
    FailureClass.STARTUP_CRASH: 1,
    FailureClass.UNHEALTHY: 1,
    FailureClass.BENCHMARK_ERROR: 1,
    FailureClass.INFRASTRUCTURE: 2,
}


class Failure(Record):
    """One failure: its class, one sentence that says what to do, and the end of the log.

    Attributes:
        failure_class: decides state and retries.
        reason: one sentence: what happened, where, and the fix.
        log_tail: at most a few kB of the server's or client's log; empty if there was none.
    """

    failure_class: FailureClass
    reason: str
    log_tail: str = ""
