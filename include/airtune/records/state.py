"""Why a trial is run, and what became of it."""

from enum import StrEnum


class Role(StrEnum):
    """Why a trial is run."""

    BASELINE = "baseline"
    SEARCH = "search"
    FINALIST = "finalist"
    HOLDOUT = "holdout"


class TrialState(StrEnum):
    """What became of a trial. ``running`` and ``missing`` are not results."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSING = "missing"
