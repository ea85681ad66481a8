"""A launcher by its name, for callers that know no more of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from airtune.launchers.launcher import Launcher
from airtune.settings import Settings


@contextmanager
def opened(launcher: str, settings: Settings) -> Iterator[Launcher]:
    """The launcher ``local``, ``docker`` or ``docker/<host>``; its connection ends with the block.

    It can watch and remove servers; to start one with an Airflow connection's secrets is the
    operators' part.

    Raises:
        SettingsError: there is no Docker host of that name.
        TrialFailed: ``infrastructure``: the Docker Engine cannot be reached.
    """
    name, _, host = launcher.partition("/")
    if name == "docker":
        from airtune.launchers.docker.connect import connect
        from airtune.launchers.docker.launcher import DockerLauncher

        where = settings.docker_host(host)
        with connect(where) as client:
            yield DockerLauncher(client, where, settings)
        return
    from airtune.launchers.local.launcher import LocalLauncher

    yield LocalLauncher(settings)
