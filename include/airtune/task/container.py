"""What a task asks of the container its servers run in."""

from typing import Annotated, Literal

from pydantic import Field

from airtune.task.base import TaskModel

Size = Annotated[str, Field(pattern=r"^[1-9][0-9]*[bkmg]$")]

Ulimit = Literal["memlock", "stack", "nofile"]


class ContainerOptions(TaskModel):
    """Limits and shared memory of an engine's container (Docker)."""

    shm_size: Size = Field(
        "16g", description="Size of /dev/shm; engines exchange tensors there.", examples=["16g"]
    )
    ipc: Literal["private", "host", "shareable"] = Field(
        "private",
        description="IPC namespace; host gives up a border between container and host.",
        examples=["private"],
    )
    memory: Size | None = Field(
        None,
        description="Limit of main memory; beyond it the kernel ends the server.",
        examples=["64g"],
    )
    ulimits: dict[Ulimit, int] = Field(
        default={"memlock": -1, "stack": 67108864},
        description="Soft and hard limits; -1 is none.",
        examples=[{"memlock": -1}],
    )
