"""Where tests keep what is dear to make: images, programs; outside the checkout, by content."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """``AIRTUNE_TEST_CACHE``, else ``~/.cache/airtune-test``; made if it is not there."""
    named = os.environ.get("AIRTUNE_TEST_CACHE")
    folder = Path(named).expanduser() if named else Path.home() / ".cache" / "airtune-test"
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock ``name`` against other processes; waits for it."""
    with (cache_folder() / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
