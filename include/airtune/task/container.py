"""What a task asks of the container its servers run in."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from airtune.task.base import TaskModel
from airtune.task.fault import fault
from airtune.task.hints import choose

Size = Annotated[str, Field(pattern=r"^[1-9][0-9]*[bkmg]$")]

Ulimit = Literal["memlock", "stack", "nofile"]


class ContainerOptions(TaskModel):
    """Limits and shared memory of an engine's container (Docker; Kubernetes: ``shm_size``)."""

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
    ulimits: dict[Ulimit, Annotated[int, Field(ge=-1)]] = Field(
        default={"memlock": -1, "stack": 67108864},
        description="Soft and hard limits; -1 is none.",
        examples=[{"memlock": -1}],
    )

    @field_validator("ulimits", mode="before")
    @classmethod
    def _known(cls, limits: Any) -> Any:
        known = get_args(Ulimit)
        for name in limits if isinstance(limits, dict) else ():
            if name not in known:
                raise fault("is no limit that can be set.", choose(name, known), name)
        return limits
