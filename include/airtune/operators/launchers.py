"""A launcher's task classes by its name; only what that launcher needs is imported."""

from airtune.errors import SettingsError
from airtune.operators.graph import LauncherTasks


def launcher_tasks(launcher: str) -> LauncherTasks:
    """What the DAG of ``local``, ``docker`` or ``docker/<host>`` is made of.

    Raises:
        SettingsError: there is no DAG for that launcher.
    """
    name, _, host = launcher.partition("/")
    if name == "local":
        return _local()
    if name == "docker":
        from airtune.operators.docker_tasks import docker_tasks

        return docker_tasks(host)
    raise SettingsError(
        f'deployment_mode = {launcher!r}: there is no DAG for it. Write "local" or "docker".'
    )


def _local() -> LauncherTasks:
    from airtune.operators.deploy import Deploy
    from airtune.operators.teardown import Teardown

    return LauncherTasks(
        launcher="local",
        deploy=Deploy,
        teardown=Teardown,
        how="as a process of the worker's host",
        example="local_smollm2.json",
    )
