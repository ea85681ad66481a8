"""Which devices the runs of a launcher share, and which workers take their tasks."""

from airtune.records import Device
from airtune.settings import Settings


def pool_of(launcher: str, settings: Settings) -> tuple[Device, ...]:
    """The inventory of ``launcher``: ``local``, ``docker/<host>``, ``kubernetes`` …

    Raises:
        SettingsError: there is no Docker host of that name.
    """
    name, _, host = launcher.partition("/")
    if name in {"kubernetes", "ome"}:
        return settings.cluster.pool
    return settings.docker_host(host).devices if name == "docker" else settings.devices


def queue_of(launcher: str, settings: Settings) -> dict[str, str]:
    """Task arguments that name the queue of ``launcher``'s host; none for the default queue.

    Raises:
        SettingsError: there is no Docker host of that name.
    """
    name, _, host = launcher.partition("/")
    queue = settings.docker_host(host).queue if name == "docker" else ""
    return {"queue": queue} if queue else {}
