"""How often a task of a slot is tried again: by the class of its failure, not by a number."""

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from airtune.errors import (
    FencedError,
    NoFeasibleTrialError,
    SettingsError,
    StudyBusyError,
    TaskError,
    TrialFailed,
)

RETRIES = 2
"""Upper bound; the classes of failure allow 0, 1 or 2 (``FailureClass.retries``)."""


class FinalTrialFailed(TrialFailed):
    """A trial failed and another try is not worth it."""


_NOT_AGAIN = (
    FinalTrialFailed,
    FencedError,
    NoFeasibleTrialError,
    SettingsError,
    StudyBusyError,
    TaskError,
)


def retry_arguments() -> dict[str, Any]:
    """Default arguments of airtune's tasks: few, quick retries, none where it is hopeless."""
    return {
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=2),
        "retry_policy": ExceptionRetryPolicy(
            [RetryRule(error, RetryAction.FAIL) for error in _NOT_AGAIN]
        ),
    }
