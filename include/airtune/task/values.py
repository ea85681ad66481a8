"""Engine parameters: their names and their values, as a task may give them."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticKnownError

from airtune.records import ParamValue
from airtune.task.fault import fault

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

RESERVED = {
    "host": "the launcher decides where a server listens",
    "port": "the launcher takes a free port",
    "model": "it comes from `model`",
    "model_path": "it comes from `model`",
    "served_model_name": "it comes from `benchmark.model_name`",
    "alias": "it comes from `benchmark.model_name`",
    "api_key": "a task is stored and shown, and trials need no key",
    "api_key_file": "trials need no key",
}
"""Flags that airtune sets itself, and why."""


def parameter_name(name: str) -> str:
    """Name of an engine parameter, without the dashes in front of the flag."""
    if name.startswith("-"):
        raise fault("begins with a dash.", f'Write "{name.lstrip("-")}", as in the flag\'s name.')
    if not _NAME.fullmatch(name):
        raise fault(
            "is no name of an engine parameter.",
            'Write the engine\'s flag without its dashes, for example "mem-fraction-static".',
        )
    reason = RESERVED.get(name.lower().replace("-", "_"))
    if reason:
        raise fault(f"is set by airtune itself: {reason}.", "Remove it.")
    return name


def engine_value(value: object) -> object:
    """One value of an engine parameter: a scalar, or a list for flags that take several values."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _scalar(item, index)
    else:
        _scalar(value)
    return value


def number(value: object) -> object:
    """An integer or a float as it is; a union would tell of both types when neither fits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticKnownError("float_type")
    return value


def unquoted(text: str) -> str | None:
    """The number or boolean that somebody put into quotes, as it should be written; else None."""
    if _NUMBER.fullmatch(text):
        return text
    return text.lower() if text.lower() in {"true", "false"} else None


def _scalar(value: object, *path: int) -> None:
    if isinstance(value, str):
        _text(value, *path)
    elif value is not None and not isinstance(value, bool | int | float):
        raise fault(
            "is no value that a flag can take.",
            'Write a number, true, false, null or a text such as "fp8" '
            "(or a list of these for a flag that takes several values).",
            *path,
        )


def _text(value: str, *path: int) -> None:
    if _NUMBER.fullmatch(value):
        raise fault("is a number in quotes.", f"Write {value} without the quotes.", *path)
    if _CONTROL.search(value):
        raise fault("contains a line break or control character.", "Remove it.", *path)


ParameterName = Annotated[str, AfterValidator(parameter_name)]
"""Key of ``parameters``, ``engine_args`` and ``baseline``."""

EngineValue = Annotated[
    ParamValue, BeforeValidator(engine_value, json_schema_input_type=ParamValue)
]
"""Value of one engine parameter; null leaves the flag out, so that the engine's default rules."""

Number = Annotated[int | float, BeforeValidator(number)]
"""A number that stays an integer if it is written as one."""
