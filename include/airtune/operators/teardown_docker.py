"""Teardown in Docker mode."""

from airtune.operators.docker_task import DockerSlotTask
from airtune.operators.teardown import Teardown


class TeardownDocker(DockerSlotTask, Teardown):  # type: ignore[misc] # what execute returns
    """End the slot's containers, its network and its client, then give the devices back.

    It needs the engine alone: a registry or a connection that has gone must keep nothing alive.
    """

    fetches = False
