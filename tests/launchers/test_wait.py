import time
from collections.abc import Iterator

import pytest

from airtune.errors import TrialFailed
from airtune.launchers.probe import Pending
from airtune.launchers.wait import Impatient, wait_until_ready
from airtune.records import Failure, FailureClass

LOADING = Pending(reason="loading")
SICK = Failure(failure_class=FailureClass.UNHEALTHY, reason="HTTP 500")
DEAD = Failure(failure_class=FailureClass.OOM, reason="killed")


def _late(pending: Pending) -> Failure:
    return Failure(failure_class=FailureClass.STARTUP_TIMEOUT, reason=f"late: {pending.reason}")


def _wait(*looks: Failure | Pending | None, within_s: float = 5.0, **options: float) -> int:
    """Wait with these looks, the last one for ever; how many were taken."""
    taken = 0

    def look(left: float) -> Failure | Pending | None:
        nonlocal taken
        taken += 1
        assert 0 < left <= within_s
        return looks[min(taken, len(looks)) - 1]

    deadline = time.monotonic() + within_s
    wait_until_ready(look, lambda: deadline, too_late=_late, poll_s=0.005, **options)
    return taken


def test_it_looks_until_the_server_is_ready() -> None:
    assert _wait(LOADING, LOADING, None) == 3


def test_three_errors_in_a_row_are_a_failure_fewer_are_not() -> None:
    assert _wait(SICK, SICK, LOADING, SICK, SICK, None) == 6
    with pytest.raises(TrialFailed, match="HTTP 500"):
        _wait(SICK)


def test_any_other_failure_counts_at_once() -> None:
    with pytest.raises(TrialFailed, match="killed"):
        _wait(LOADING, DEAD, None)


def test_time_over_says_what_was_pending_last() -> None:
    with pytest.raises(TrialFailed, match="late: loading"):
        _wait(LOADING, within_s=0.05)


def test_patience_over_is_no_failure() -> None:
    with pytest.raises(Impatient):
        _wait(LOADING, until=time.monotonic() + 0.02)


def test_a_deadline_that_moves_is_the_one_that_counts() -> None:
    began = time.monotonic()
    phases: Iterator[Pending | None] = iter([LOADING, LOADING, None])
    ends = [began + 0.1]

    def look(left: float) -> Pending | None:
        found = next(phases)
        time.sleep(0.06)
        ends[0] = time.monotonic() + 0.1  # the next phase has its own time
        return found

    wait_until_ready(look, lambda: ends[0], too_late=_late, poll_s=0.01)
    assert time.monotonic() - began > 0.1
