"""What it looks like when a server runs out of ``/dev/shm``."""

import re

_SIGBUS = 128 + 7
_SAID = re.compile(
    r"Bus error|insufficient shared memory|(?:/dev/shm|shared memory).*No space left"
    r"|No space left on device.*(?:/dev/shm|shm_open)",
    re.IGNORECASE,
)


def short_of_shm(log: str, code: int | None) -> bool:
    """True if a container ended for lack of shared memory.

    Args:
        log: what it wrote, or the end of that.
        code: its exit code, > 128 for a signal; None if unknown.
    """
    return code == _SIGBUS or _SAID.search(log) is not None
