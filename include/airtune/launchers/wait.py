"""The loop in which every launcher waits for a started server."""

import math
import time
from collections.abc import Callable

from airtune.errors import TrialFailed
from airtune.launchers.probe import Pending
from airtune.records import Failure, FailureClass

POLL_S = 0.1
_ERRORS_IN_A_ROW = 3
"""So many answers of HTTP 5xx to the probe make a server unhealthy."""

Look = Callable[[float], Failure | Pending | None]
"""One look at the server; gets the seconds that are left."""


class Impatient(Exception):
    """Patience is over, the server's time is not."""


def wait_until_ready(
    look: Look,
    deadline: Callable[[], float],
    *,
    too_late: Callable[[Pending], Failure],
    until: float = math.inf,
    aside: Callable[[], None] = lambda: None,
    poll_s: float = POLL_S,
) -> None:
    """Return once the server is ready; its end is noticed within ``poll_s``.

    The server is left as it is, also on failure: removing it is the caller's.

    Args:
        look: None when it is ready.
        deadline: when it must be ready, on the clock of ``time.monotonic``; asked again and
            again, since a server that waits for capacity has another one than one that loads.
        too_late: the failure once that has come; gets what was pending last.
        until: when this process stops waiting for a server whose time is not over.
        aside: called between two looks (following a log).

    Raises:
        TrialFailed: a look found a failure (an HTTP 5xx: three in a row), or time is over.
        Impatient: ``until`` has come before the deadline.
    """
    errors, state = 0, Pending(reason="it was never asked")
    while (left := deadline() - time.monotonic()) > 0:
        aside()
        if time.monotonic() > until:
            raise Impatient
        found = look(left)
        if found is None:
            aside()
            return
        if isinstance(found, Pending):
            errors, state = 0, found
        else:
            errors += 1
            if found.failure_class is not FailureClass.UNHEALTHY or errors == _ERRORS_IN_A_ROW:
                raise TrialFailed(found)
        time.sleep(min(poll_s, max(0.0, deadline() - time.monotonic())))
    raise TrialFailed(too_late(state))
