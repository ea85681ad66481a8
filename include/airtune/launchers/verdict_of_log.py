"""What a server's log says about its end, seen from when it ended."""

from airtune.engines import get_engine
from airtune.records import FailureClass


def verdict_of_log(
    engine: str, log: str, code: int | None, otherwise: FailureClass, ended: str
) -> tuple[FailureClass, str]:
    """The class and the reason of the end of a server.

    Args:
        log: what it wrote, or the end of that.
        code: its exit code, None if unknown.
        otherwise: the class when the log does not tell: ``unhealthy`` for a server that was
            ready, ``startup_crash`` for one that was not.
        ended: the reason when the log does not tell.
    """
    found = get_engine(engine).classify(log, code)
    # The engine's own "it ended" is startup_crash; whether that is right is known here.
    if found is None or found.failure_class is FailureClass.STARTUP_CRASH:
        return otherwise, found.reason if found else ended
    if otherwise is FailureClass.UNHEALTHY and found.failure_class is not FailureClass.OOM:
        return otherwise, found.reason  # a warning that it ran in spite of
    return found.failure_class, found.reason
