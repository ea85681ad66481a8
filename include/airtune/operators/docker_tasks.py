"""The tasks of the Docker DAGs."""

from functools import partial

from airtune.operators.benchmark_docker import BenchmarkDocker
from airtune.operators.deploy_docker import DeployDocker
from airtune.operators.graph import LauncherTasks
from airtune.operators.plan_docker import PlanDocker
from airtune.operators.teardown_docker import TeardownDocker


def docker_tasks(host: str = "") -> LauncherTasks:
    """For one Docker Engine: the default one, or a host of ``AIRTUNE_DOCKER_HOSTS``."""
    return LauncherTasks(
        launcher=f"docker/{host}" if host else "docker",
        plan=PlanDocker,
        deploy=partial(DeployDocker, host=host),
        benchmark=partial(BenchmarkDocker, host=host),
        teardown=partial(TeardownDocker, host=host),
        how=f"as a container of the Docker host {host}" if host else "as a Docker container",
        example="docker_llamacpp.json",
    )
