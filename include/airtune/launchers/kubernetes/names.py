"""Names, labels and annotations of what airtune makes in a cluster: how it is found again."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

INSTALLATION = "airtune/installation"
ROLE = "airtune/role"
RUN = "airtune/run"
SLOT = "airtune/slot"
ATTEMPT = "airtune/attempt"
TRIAL = "airtune/trial"
"""Keys of labels; every value is text of at most 63 characters. ``RUN`` is a short hash."""

RUN_ID = "airtune/run-id"
INSTALLATION_ID = "airtune/installation-id"
SPEC = "airtune/spec"
LOG = "airtune/log"
"""Keys of annotations: the full ids; ``SPEC`` hashes what was asked for, so that only the very
same server is adopted; ``LOG`` is the worker's file in which the output is saved before removal."""

ROLES = frozenset({"server", "client"})

PORT = 8000
"""Every server's port in its pod."""

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def run_hash(run: str) -> str:
    """12 hex digits for ``<dag_id>/<run_id>``."""
    return _hash(run)


def label_value(text: str) -> str:
    """``text`` itself where it may be a label's value, else 12 hex digits for it."""
    return text if _LABEL.fullmatch(text) else _hash(text)


def object_name(installation: str, run: str, slot: int, role: str) -> str:
    """The one name of a slot's object: DNS-1123, begins with a letter, ≤ 56 characters.

    The API server refuses a second object of a name, so the name is also a lock.

    Args:
        role: ``server``, ``client-<point>`` …, at most 16 characters.
    """
    return f"airtune-{_hash(installation)[:8]}-{_hash(run)[:10]}-{slot}-{role}"


def labels_of(
    installation: str, run: str, slot: int, attempt: int, role: str, trial_id: int | None = None
) -> dict[str, str]:
    """Labels of one object."""
    labels = {
        INSTALLATION: label_value(installation),
        ROLE: role,
        RUN: run_hash(run),
        SLOT: str(slot),
        ATTEMPT: str(attempt),
    }
    return labels if trial_id is None else labels | {TRIAL: str(trial_id)}


def annotations_of(installation: str, run: str, **more: str) -> dict[str, str]:
    """Annotations of one object.

    Args:
        more: ``spec``, ``log``.
    """
    named = {f"airtune/{name}": value for name, value in more.items()}
    return {INSTALLATION_ID: installation, RUN_ID: run} | named


def selector(installation: str, **labels: str) -> str:
    """A label selector for what this installation has made.

    Args:
        labels: ``run`` (full, hashed here), ``slot``, ``role``.
    """
    words = {INSTALLATION: label_value(installation)}
    for name, value in labels.items():
        words[f"airtune/{name}"] = run_hash(value) if name == "run" else value
    return ",".join(f"{key}={value}" for key, value in words.items())


def owner(metadata: Mapping[str, Any]) -> tuple[str, int, int]:
    """``(run, slot, attempt)`` of an object with our labels and annotations."""
    labels = metadata["labels"]
    return metadata["annotations"][RUN_ID], int(labels[SLOT]), int(labels[ATTEMPT])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
