"""pydantic's errors → ``Problem``s with path, value, reason and fix; done only here."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from airtune.errors import Problem
from airtune.task.environment import is_secret
from airtune.task.fault import FAULT
from airtune.task.foreign import FOREIGN, FOREIGN_WORDS
from airtune.task.hints import choose, closest
from airtune.task.node import Node
from airtune.task.values import unquoted

Loc = tuple[str | int, ...]

_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_UNQUOTED = {"int_type", "int_from_float", "float_type", "bool_type"}
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


def problems_of(error: ValidationError, data: Mapping[str, Any]) -> list[Problem]:
    """Every problem that pydantic found in ``data``, in the order of the fields.

    A missing key whose misspelt form stands beside it is told once, at the misspelt key.
    """
    details = error.errors(include_url=False)
    problems: list[Problem] = []
    misspelt: set[Loc] = set()
    for detail in details:
        if detail["type"] == "extra_forbidden":
            loc = _visible(detail["loc"])
            misspelt.update((*loc[:-1], name) for name in _meant(detail["loc"]))
    for detail in details:
        if detail["type"] == "missing" and _visible(detail["loc"]) in misspelt:
            continue
        problem = _problem(detail, data)
        if problem not in problems:
            problems.append(problem)
    return problems


def _problem(detail: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    kind, loc = detail["type"], detail["loc"]
    if kind == FAULT:
        return _own(detail, data)
    shown = _value(detail["input"], loc)
    explain = _EXPLAIN.get(kind)
    if kind in _KINDS:
        reason, fix = _wrong_type(kind, detail)
    elif kind in _BOUNDS:
        reason, fix = _out_of_bounds(kind, detail)
    elif explain:
        reason, fix = explain(detail)
        shown = None if kind == "missing" else shown
    else:
        reason, fix = f"cannot be used: {detail['msg']}.", _example(loc)
    return Problem(_path(loc), shown, reason, fix)


def _own(detail: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    context = detail["ctx"]
    loc = (*detail["loc"], *context["path"])
    secret = context["secret"] or is_secret(str(_visible(loc)[-1]) if _visible(loc) else "")
    value = None if secret else _lookup(data, _visible(loc))
    return Problem(_path(loc), value, context["reason"], context["fix"])


def _wrong_type(kind: str, detail: ErrorDetails) -> tuple[str, str]:
    wanted, value = _KINDS[kind], detail["input"]
    if value is None:
        return f"is null, not {wanted}.", _example(detail["loc"])
    bare = unquoted(value) if isinstance(value, str) else None
    if bare and kind in _UNQUOTED:
        return f"is text, not {wanted}.", f"Write {bare} without the quotes."
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f"is {_json(value)}, not a text.", f'Write "{_json(value)}" in quotes.'
    if kind == "list_type" and not isinstance(value, dict) and detail["loc"][:1] != ("notify",):
        return "is not a list.", f"Write [{_json(value)}]."
    if kind in {"int_type", "int_from_float"} and isinstance(value, float):
        return "is not a whole number.", f"Write {round(value)} without a decimal point."
    return f"is not {wanted}.", _example(detail["loc"])


def _out_of_bounds(kind: str, detail: ErrorDetails) -> tuple[str, str]:
    words, key = _BOUNDS[kind]
    limit = detail["ctx"][key]
    return f"is out of range: it must be {words} {limit:g}.", f"Write a number {words} {limit:g}."


def _unknown_key(detail: ErrorDetails) -> tuple[str, str]:
    loc = detail["loc"]
    path = ".".join(str(part) for part in _visible(loc))
    if path in FOREIGN:
        return FOREIGN[path]
    if path in {"launcher", "image_tag"}:
        other = {"launcher": "deployment_mode", "image_tag": "runtime_image_tag"}[path]
        return f"stands beside {other}, which means the same.", "Keep only one of them."
    known = Node.at(loc[:-1]).keys()
    near = _meant(loc)
    if near:
        return "is an unknown key.", f'Did you mean "{near[0]}"?'
    if not known:
        return "is an unknown key.", "Remove it."
    return "is an unknown key.", f"Remove it; known here: {', '.join(known)}."


def _meant(loc: Loc) -> list[str]:
    path = ".".join(str(part) for part in _visible(loc))
    return [] if path in FOREIGN else closest(str(loc[-1]), Node.at(loc[:-1]).keys())


def _unknown_word(detail: ErrorDetails) -> tuple[str, str]:
    value = detail["input"]
    words = [str(word) for word in Node.at(detail["loc"]).words()]
    path = ".".join(str(part) for part in _visible(detail["loc"]))
    fix = FOREIGN_WORDS.get((path, value)) if isinstance(value, str) else None
    field = str(_visible(detail["loc"])[-1]).replace("_", " ")
    return f"is no {field}.", fix or choose(value, words)


def _missing(detail: ErrorDetails) -> tuple[str, str]:
    node = Node.at(detail["loc"])
    example = node.example()
    text = f'Write for example "{detail["loc"][-1]}": {_json(example)}. {node.description()}'
    return "is missing.", text.strip()


def _too_short(detail: ErrorDetails) -> tuple[str, str]:
    return "is empty.", _example(detail["loc"])


def _infinite(detail: ErrorDetails) -> tuple[str, str]:
    return "is no finite number.", _example(detail["loc"])


_EXPLAIN: dict[str, Callable[[ErrorDetails], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "literal_error": _unknown_word,
    "missing": _missing,
    "too_short": _too_short,
    "string_too_short": _too_short,
    "finite_number": _infinite,
}


def _example(loc: Loc) -> str:
    example = Node.at(loc).example()
    return "Remove it." if example is None else f"Write for example {_json(example)}."


def _visible(loc: Loc) -> Loc:
    """Without pydantic's names for union branches (in angle brackets) and for keys."""
    return tuple(part for part in loc if part != "[key]" and not str(part).startswith("<"))


def _path(loc: Loc) -> str:
    text = ""
    for part in _visible(loc):
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "task"


def _value(value: object, loc: Loc) -> object:
    # Below notify people put the address of a webhook, which is a secret, where a name belongs.
    if loc[:1] == ("notify",) or any(is_secret(part) for part in loc if isinstance(part, str)):
        return None
    return value


def _lookup(data: object, loc: Loc) -> object:
    for part in loc:
        try:
            data = data[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
