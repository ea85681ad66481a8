"""Deploy in Docker mode."""

from airtune.operators.deploy import Deploy
from airtune.operators.docker_task import DockerSlotTask


class DeployDocker(DockerSlotTask, Deploy):  # type: ignore[misc] # what execute returns
    """Start the slot's server as a container and leave it running.

    The provider's operator attaches to its container and waits for the end; a server has none,
    so this one starts it through the launcher, with the provider's connection to the engine.
    """
