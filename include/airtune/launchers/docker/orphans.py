"""Who has left something in an engine: for the reaper, which asks whether they live."""

import time
from typing import Any

from airtune.launchers.docker import names
from airtune.launchers.docker.clock import ahead_s
from airtune.launchers.docker.lookup import Found, containers_of, networks_of


def owners(client: Any, installation: str) -> set[tuple[str, int, int]]:
    """``(run, slot, attempt)`` of every container and network of ours that belongs to a slot.

    Args:
        client: ``docker.APIClient``.
    """
    found = [*containers_of(client, installation), *networks_of(client, installation)]
    return {names.owner(one.labels) for one in found if names.RUN_ID in one.labels}


def stale(client: Any, installation: str, older_than_s: float) -> list[Found]:
    """Containers that fetch weights and are older than that: whoever waited for them is gone.

    ``remove.remove_container`` removes one.
    """
    before = time.time() + ahead_s(client) - older_than_s
    fetching = containers_of(client, installation, role="prefetch")
    return [one for one in fetching if one.created < before]
