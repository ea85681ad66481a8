"""Who has left something in an engine: for the reaper, which asks whether they live."""

import time
from typing import Any

from airtune.launchers.docker import names
from airtune.launchers.docker.clock import ahead_s
from airtune.launchers.docker.lookup import Found, containers_of, networks_of

_ENDED_S = 600.0
"""One that has ended, or was never started, is left to its maker for so long after it was made."""


def owners(client: Any, installation: str) -> set[tuple[str, int, int]]:
    """``(run, slot, attempt)`` of every container and network of ours that belongs to a slot.

    Args:
        client: ``docker.APIClient``.
    """
    found = [*containers_of(client, installation), *networks_of(client, installation)]
    return {names.owner(one.labels) for one in found if names.RUN_ID in one.labels}


def stale(client: Any, installation: str, older_than_s: float) -> list[Found]:
    """Containers that fetch weights and that nobody waits for any more.

    Those are older than that, or have ended: whoever waits looks twice a second, and fetches
    again should one be removed under him. ``remove.remove_container`` removes one.
    """
    now = time.time() + ahead_s(client)
    fetching = containers_of(client, installation, role="prefetch")
    return [
        one
        for one in fetching
        if one.created < now - (older_than_s if one.running else min(older_than_s, _ENDED_S))
    ]
