"""The space as a task writes it: choices, ranges and parameters that move together."""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from airtune.task.base import TaskModel
from airtune.task.fault import fault
from airtune.task.hints import choose
from airtune.task.values import EngineValue, Number, ParameterName

TYPES = ("choice", "categorical", "continuous", "integer")
_RANGE_TYPES = ("continuous", "integer")


class Choice(TaskModel):
    """One of a list of values, in the order given."""

    type: Literal["choice"] = Field("choice", description="`categorical` says the same.")
    values: list[EngineValue] = Field(
        min_length=1,
        description="Values to try; null leaves the flag out.",
        examples=[[1, 2]],
    )

    @field_validator("values")
    @classmethod
    def _distinct(cls, values: list[Any]) -> list[Any]:
        # By type too: 1, 1.0 and true are equal in Python and different on a command line.
        seen = [(type(value), value) for value in values]
        for index, item in enumerate(seen):
            if item in seen[:index]:
                raise fault("stands there twice.", "Remove one of them.", index)
        return values


class Range(TaskModel):
    """Numbers from ``low`` to ``high``, both included."""

    type: Literal["continuous", "integer"] = Field(
        description="Whether the numbers have fractions.", examples=["integer"]
    )
    low: Number = Field(description="Lowest value.", examples=[0.7])
    high: Number = Field(description="Highest value; above `low`.", examples=[0.9])
    step: Number | None = Field(
        None,
        gt=0,
        description="Distance of the values; makes a continuous range fit for grid_search.",
        examples=[0.05],
    )
    log: bool = Field(False, description="Draw evenly in the logarithm; needs low > 0, no step.")

    @property
    def integer(self) -> bool:
        """True when the numbers have no fractions."""
        return self.type == "integer"

    @model_validator(mode="after")
    def _sound(self) -> "Range":
        for name in ("low", "high", "step"):
            bound = getattr(self, name)
            if self.integer and isinstance(bound, float):
                raise fault(
                    "has a decimal point in an integer range.",
                    f'Write {round(bound)}, or "type": "continuous".',
                    name,
                )
        if self.low >= self.high:
            raise fault(
                f"is not above low ({self.low}).",
                "Write a higher one, or a list of values.",
                "high",
            )
        if self.log and self.low <= 0:
            raise fault("must be above 0 for log.", 'Write a positive one or "log": false.', "low")
        if self.log and self.step is not None:
            raise fault("does not go with log.", "Remove step or log.", "step")
        if self.step is not None and self.step > self.high - self.low:
            raise fault(
                "is wider than the range.", f"Write at most {self.high - self.low}.", "step"
            )
        return self


class Linked(TaskModel):
    """Parameters that take the values of one row at a time."""

    parameters: list[ParameterName] = Field(
        min_length=1, description="Names.", examples=[["tp-size", "dp-size"]]
    )
    values: list[list[EngineValue]] = Field(
        min_length=1,
        description="Rows with one value for each name.",
        examples=[[[1, 4], [2, 2]]],
    )

    @model_validator(mode="after")
    def _rectangular(self) -> "Linked":
        for index, row in enumerate(self.values):
            if len(row) != len(self.parameters):
                raise fault(
                    f"has {len(row)} values for {len(self.parameters)} parameters.",
                    f"Write one value for each of: {', '.join(self.parameters)}.",
                    "values",
                    index,
                )
            if row in self.values[:index]:
                raise fault("stands there twice.", "Remove one row.", "values", index)
        return self


def _spelled_out(value: object) -> object:
    """Bring the short forms (a list; ``categorical``; ``choices``) into the long one."""
    if isinstance(value, Choice | Range):
        return value
    if isinstance(value, list):
        return {"type": "choice", "values": value}
    if not isinstance(value, dict):
        raise fault("is one fixed value.", f"Write [{_json(value)}], or move it to `engine_args`.")
    kind = value.get("type", "choice" if "values" in value or "choices" in value else None)
    if kind not in TYPES:
        raise fault(
            "is no type of parameter." if "type" in value else "is missing.",
            f"{choose(kind, TYPES)} A plain list such as [1, 2] is a choice.",
            "type",
        )
    if kind in _RANGE_TYPES:
        return value
    return {"values" if k == "choices" else k: v for k, v in value.items()} | {"type": "choice"}


def _tag(value: object) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return "<Range>" if kind in _RANGE_TYPES else "<Choice>"


def _json(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return f'"{value}"' if isinstance(value, str) else str(value)


Parameter = Annotated[
    Annotated[Choice, Tag("<Choice>")] | Annotated[Range, Tag("<Range>")],
    Discriminator(_tag),
    BeforeValidator(_spelled_out, json_schema_input_type=list[EngineValue] | Choice | Range),
]
"""One entry of ``parameters``."""
