"""A launcher's task classes by its name; only what that launcher needs is imported."""

from airtune.errors import SettingsError
from airtune.operators.graph import LauncherTasks


def launcher_tasks(launcher: str) -> LauncherTasks:
    """What the DAG of ``local``, ``docker/<host>``, ``kubernetes`` … is made of.

    Raises:
        SettingsError: there is no DAG for that launcher.
    """
    name, _, host = launcher.partition("/")
    if name == "local":
        return _local()
    if name == "docker":
        from airtune.operators.docker_tasks import docker_tasks

        return docker_tasks(host)
    if name in {"kubernetes", "ome"}:
        from airtune.operators.kubernetes_tasks import kubernetes_tasks, ome_tasks

        return kubernetes_tasks() if name == "kubernetes" else ome_tasks()
    raise SettingsError(
        f"deployment_mode = {launcher!r}: there is no DAG for it. Write local, docker, kubernetes "
        "or ome."
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
