"""What every record has in common: frozen, closed, and never NaN or Infinity."""

from pydantic import BaseModel, ConfigDict

Scalar = bool | int | float | str | None
"""One engine value. ``None`` means: the flag is left out, the engine's default rules."""

ParamValue = Scalar | list[Scalar]
"""A scalar, or a list for flags that take several values."""


class Record(BaseModel):
    """Base of all records.

    ``extra="forbid"`` because a lost field is a lost setting; ``allow_inf_nan=False`` because the
    files written from records must parse with any JSON reader.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
