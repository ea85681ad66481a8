"""The engine's clock against ours: a remote host's may differ."""

import time
from typing import Any

from airtune.launchers.docker.state import epoch


def ahead_s(client: Any) -> float:
    """Seconds by which the engine's clock is ahead of this host's (negative: behind)."""
    before = time.time()
    told = epoch(client.info().get("SystemTime"))
    return 0.0 if told is None else told - (before + time.time()) / 2
