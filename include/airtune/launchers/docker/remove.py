"""Removing what a slot has in an engine, and seeing that it is gone."""

import time
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from airtune.errors import TrialFailed
from airtune.launchers.docker import logs, names
from airtune.launchers.docker.lookup import Found, containers_of, networks_of
from airtune.launchers.docker.names import run_hash
from airtune.records import Failure, FailureClass

ROLES = frozenset({"server", "client"})
_GRACE_S = 5
_GONE_WITHIN_S = 30.0
_POLL_S = 0.1
_CONFLICT = 409


def remove(client: Any, installation: str, run: str, slot: int, attempt: int) -> int:
    """End and remove the slot's containers and network of ``attempt`` and earlier ones; idempotent.

    Logs are saved first. What lacks our labels is not touched.

    Args:
        client: ``docker.APIClient``.
        run: ``<dag_id>/<run_id>``.

    Returns:
        how many containers were running.

    Raises:
        TrialFailed: ``infrastructure``: something is still there.
    """
    of_slot = {"run": run_hash(run), "slot": str(slot)}
    found = [
        one
        for one in containers_of(client, installation, **of_slot)
        if one.attempt <= attempt and one.role in ROLES
    ]
    # Clients first: one without its server writes megabytes of errors.
    for one in sorted(found, key=lambda one: one.role):
        remove_container(client, one)
    for network in networks_of(client, installation, **of_slot):
        if network.attempt <= attempt:
            _remove_network(client, network)
    return sum(one.running for one in found)


def remove_container(client: Any, one: Found) -> None:
    """Save its log, stop it, remove it and wait until it is gone.

    Raises:
        TrialFailed: ``infrastructure``: it is still there after 30 s.
    """
    try:
        if one.running:
            client.stop(one.id, timeout=_GRACE_S if one.role == "server" else 0)
        if path := one.labels.get(names.LOG):
            logs.save(client, one.id, Path(path))
        client.remove_container(one.id, v=True, force=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != _CONFLICT:  # somebody else removes it at this moment
            raise
    _wait_until_gone(client, one)


def _wait_until_gone(client: Any, one: Found) -> None:
    deadline = time.monotonic() + _GONE_WITHIN_S
    while time.monotonic() < deadline:
        try:
            client.inspect_container(one.id)
        except NotFound:
            return
        time.sleep(_POLL_S)
    raise _left(f"Container {one.name} ({one.id[:12]}) could not be removed within 30 s")


def _remove_network(client: Any, network: Found) -> None:
    try:
        client.remove_network(network.id)
    except NotFound:
        return
    except APIError as error:
        inside = _members(client, network)
        if not inside:
            raise
        raise _left(
            f"Network {network.name} is still used by {', '.join(inside)}, which this slot did "
            "not start: disconnect them"
        ) from error


def _members(client: Any, network: Found) -> list[str]:
    try:
        members = client.inspect_network(network.id).get("Containers") or {}
    except NotFound:
        return []
    return sorted(str(member["Name"]) for member in members.values())


def _left(what: str) -> TrialFailed:
    reason = f"{what}; the devices stay reserved until it is gone."
    return TrialFailed(Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason))
