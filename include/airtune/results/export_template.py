"""The templates of the exports: values become JSON, which is YAML, so none can break out."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from airtune.launchers.kubernetes.templates import as_json

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "export"
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")


class Comment(str):
    """Text for a comment of one line; not quoted as values are."""

    __slots__ = ()


def render(template: str, values: Mapping[str, Any]) -> str:
    """One template with its values.

    Raises:
        jinja2.TemplateError: a bug: a value that the template names is missing.
    """
    return _environment().get_template(template).render(values)


def comment(text: str) -> Comment:
    """``text`` on one line of plain characters."""
    return Comment(_NOT_PLAIN.sub("?", " ".join(text.split())))


def _shown(value: object) -> str:
    # An undefined value raises when it becomes text, and names itself.
    return str(value) if isinstance(value, Comment | Undefined) else as_json(value)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        finalize=_shown,
        autoescape=False,  # it is no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["comment"] = comment
    return environment
