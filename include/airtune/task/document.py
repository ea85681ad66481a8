"""The text of a task file → plain JSON data, with what would be dangerous or ambiguous refused."""

import json
import math
from collections.abc import Mapping
from typing import Any

from airtune.errors import Problem, TaskError

MAX_BYTES = 1_000_000
"""A task file is a page or two; more is a mistake or an attack."""

_DEPTH = 32


def parse_json(text: str, source: str) -> object:
    """Read JSON; the same key twice in one object, NaN and Infinity are refused.

    Raises:
        TaskError: with line and column where the text is no JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        fix = "Correct the text there; a comma or quote is often missing just before it."
        raise _refused(source, None, f"is no JSON: {error.msg} at {where}.", fix) from None
    except _Refused as error:
        raise _refused(source, error.value, error.reason, error.fix) from None
    except RecursionError:
        raise _refused(source, None, "is nested too deeply.", "Flatten it.") from None
    except ValueError as error:  # for example an integer of more than 4300 digits
        raise _refused(source, None, f"is no JSON: {error}.", "Correct the value.") from None


def data_problems(data: object, path: str = "", depth: int = 0) -> list[Problem]:
    """What is wrong with data that did not come from a file: no JSON value, or too deep."""
    shown = path or "task"
    if depth > _DEPTH:
        return [Problem(shown, None, f"is nested more than {_DEPTH} deep.", "Flatten it.")]
    if isinstance(data, Mapping):
        found = []
        for key, value in data.items():
            if not isinstance(key, str):
                fix = f'Write "{key}" in quotes.'
                found.append(Problem(shown, key, "has a key that is no text.", fix))
            else:
                found += data_problems(value, f"{path}.{key}" if path else key, depth + 1)
        return found
    if isinstance(data, list | tuple):
        items = enumerate(data)
        return [p for i, item in items for p in data_problems(item, f"{path}[{i}]", depth + 1)]
    if isinstance(data, float) and not math.isfinite(data):
        return [Problem(shown, data, "is no finite number.", "Write a number, or remove it.")]
    if data is None or isinstance(data, str | int | float):
        return []
    kind = type(data).__name__
    return [Problem(shown, str(data), f"is a {kind}, no JSON value.", "Write text or number.")]


class _Refused(Exception):
    def __init__(self, value: object, reason: str, fix: str) -> None:
        self.value, self.reason, self.fix = value, reason, fix


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            reason = "is a key that stands twice in one object; one of the two would be lost."
            raise _Refused(key, reason, "Keep only one of them.")
        found[key] = value
    return found


def _constant(name: str) -> object:
    raise _Refused(name, "is no JSON value.", "Write a finite number, or null.")


def _refused(source: str, value: object, reason: str, fix: str) -> TaskError:
    return TaskError([Problem("file", value, reason, fix)], source)
