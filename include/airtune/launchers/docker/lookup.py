"""Finding what airtune made in an engine, by its labels and never by anything else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airtune.launchers.docker import names


@dataclass(frozen=True)
class Found:
    """A container or network of ours.

    Attributes:
        attempt: the attempt of the slot that made it; 0 where it belongs to no slot.
        created: epoch seconds on the engine's clock; 0.0 for networks.
    """

    id: str
    name: str
    role: str
    attempt: int
    running: bool
    created: float
    labels: Mapping[str, str]


def containers_of(client: Any, installation: str, **labels: str) -> list[Found]:
    """Containers with these labels, stopped ones too; newest attempt first.

    Args:
        client: ``docker.APIClient``.
        labels: ``run`` (its hash), ``slot``, ``role``: only those.
    """
    rows = client.containers(all=True, filters={"label": _filter(installation, labels)})
    found = [_container(row) for row in rows]
    return sorted(found, key=lambda one: one.attempt, reverse=True)


def networks_of(client: Any, installation: str, **labels: str) -> list[Found]:
    """As ``containers_of`` for networks."""
    rows = client.networks(filters={"label": _filter(installation, labels)})
    return [
        Found(row["Id"], row["Name"], "network", _attempt(row["Labels"]), False, 0.0, row["Labels"])
        for row in rows
    ]


def _filter(installation: str, labels: Mapping[str, str]) -> list[str]:
    wanted = {names.INSTALLATION: installation}
    wanted |= {f"airtune/{name}": value for name, value in labels.items()}
    return [f"{name}={value}" for name, value in wanted.items()]


def _container(row: Mapping[str, Any]) -> Found:
    labels = row.get("Labels") or {}
    return Found(
        id=row["Id"],
        name=str((row.get("Names") or ["?"])[0]).lstrip("/"),
        role=labels.get(names.ROLE, ""),
        attempt=_attempt(labels),
        running=row["State"] in {"running", "paused", "restarting"},
        created=float(row["Created"]),
        labels=labels,
    )


def _attempt(labels: Mapping[str, str]) -> int:
    text = labels.get(names.ATTEMPT, "")
    return int(text) if text.isdigit() else 0
