"""What every part of a task file has in common: frozen, closed, strictly typed."""

from pydantic import BaseModel, ConfigDict


class TaskModel(BaseModel):
    """Base of all parts of the task.

    ``extra="forbid"`` because a misspelt key is a lost setting; ``strict`` because ``"0.0"`` and
    ``0.0`` are different things to an engine and to the benchmark client.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
