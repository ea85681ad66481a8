"""Names and labels of what airtune makes in Docker: how it is found again, and only it removed."""

import hashlib
from collections.abc import Mapping

INSTALLATION = "airtune/installation"
ROLE = "airtune/role"
RUN = "airtune/run"
RUN_ID = "airtune/run-id"
SLOT = "airtune/slot"
ATTEMPT = "airtune/attempt"
TRIAL = "airtune/trial"
SPEC = "airtune/spec"
CACHE = "airtune/cache"
LOG = "airtune/log"
"""Keys of labels. ``RUN`` is a short hash, ``RUN_ID`` the full id; ``SPEC`` hashes the server's
command line and environment, so that only the very same server is adopted; ``LOG`` is the file of
the worker in which the output is saved before removal."""


def run_hash(run: str) -> str:
    """12 hex digits for ``<dag_id>/<run_id>``."""
    return hashlib.sha256(run.encode()).hexdigest()[:12]


def object_name(installation: str, run: str, slot: int, role: str) -> str:
    """The one name of a slot's ``server``, ``client`` or ``network``, ≤ 63 characters, DNS-1123.

    Docker refuses a second object of a name, so the name is also a lock.
    """
    return f"airtune-{installation[:12]}-{run_hash(run)}-{slot}-{role}"


def labels_of(
    installation: str, run: str, slot: int, attempt: int, role: str, **more: str
) -> dict[str, str]:
    """Labels of one object; every value is text.

    Args:
        more: ``trial``, ``spec``, ``namespace``, ``log``.
    """
    return {
        INSTALLATION: installation,
        ROLE: role,
        RUN: run_hash(run),
        RUN_ID: run,
        SLOT: str(slot),
        ATTEMPT: str(attempt),
        **{f"airtune/{name}": value for name, value in more.items()},
    }


def owner(labels: Mapping[str, str]) -> tuple[str, int, int]:
    """``(run, slot, attempt)`` of an object with our labels."""
    return labels[RUN_ID], int(labels[SLOT]), int(labels[ATTEMPT])
