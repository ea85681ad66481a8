"""The local launcher: servers as processes of this host. Everything others use of it."""

from airtune.launchers import probe
from airtune.launchers.cores import free_cpus
from airtune.launchers.local.adopt import adopt
from airtune.launchers.local.death import died
from airtune.launchers.local.handle import Handle
from airtune.launchers.local.ready import poll, start_and_wait, wait_ready
from airtune.launchers.local.remove import remove
from airtune.launchers.local.start import start
from airtune.launchers.probe import Readiness
from airtune.records import Endpoint

__all__ = [
    "adopt",
    "died",
    "free_cpus",
    "poll",
    "remove",
    "responds",
    "start",
    "start_and_wait",
    "wait_ready",
]


def responds(endpoint: Endpoint, timeout_s: float = 10.0) -> bool:
    """True if the server runs and answers one short completion within ``timeout_s``."""
    if died(endpoint):
        return False
    readiness = Readiness(
        health_path=Handle.of(endpoint).health_path, model_name=endpoint.model_name
    )
    return probe.responds(endpoint.base_url, readiness, timeout_s)
