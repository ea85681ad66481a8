"""Manifests from Jinja2 templates: sandboxed, nothing undefined, every value written as JSON."""

import json
import re
import traceback
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from airtune.errors import Problem, TaskError
from airtune.launchers.kubernetes.api import Json
from airtune.settings import Settings

OWN = Path(__file__).resolve().parents[4] / "include" / "templates"
"""airtune's own templates, a folder a launcher."""

_FRAME = "<template>"
_ESCAPED = re.compile(r"[^\x20-\x7e]")
_EXPONENT = re.compile(r"(?<![\w.\"])(-?\d+)(e[-+]\d+)")
_FIELD = "kubernetes.template"


def render(name: str, values: Mapping[str, Any], text: str | None = None) -> list[Json]:
    """The objects that a template stands for.

    Args:
        name: path below ``include/templates``, or with ``text`` any name, for the errors.
        values: what the template may use: JSON values only.
        text: a template that stands elsewhere.

    Raises:
        TaskError: it does not render, or is no YAML of Kubernetes objects; names template, line,
            cause and fix.
    """
    text = (OWN / name).read_text() if text is None else text
    return _objects(name, _rendered(name, text, values))


def users_template(name: str, settings: Settings) -> str:
    """The text of a template that a task names.

    Raises:
        TaskError: there is no such file in ``AIRTUNE_TEMPLATE_DIR``, or it leads out of it.
    """
    folder = settings.cluster.template_dir
    if not folder:
        raise _wrong(name, "needs a folder of templates,", "which AIRTUNE_TEMPLATE_DIR names.")
    root = Path(folder).resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise _wrong(name, f"leads out of {folder}.", "Put the template itself there.")
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        there = sorted(one.name for one in root.glob("*.j2")) if root.is_dir() else []
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _wrong(
            name,
            f"cannot be read in {folder}: {said}.",
            f"There are: {', '.join(there) or 'none'} (files that end in .j2).",
        ) from error


def as_json(value: object) -> str:
    """``value`` as JSON that YAML reads as the very same.

    YAML's double-quoted scalars are JSON's, but lone surrogates and control characters are not
    read alike, and 1e+16 would be a text.

    Raises:
        TypeError: it is no JSON value.
    """
    if isinstance(value, float):
        return _EXPONENT.sub(r"\1.0\2", json.dumps(value, allow_nan=False))
    if isinstance(value, str):
        return _ESCAPED.sub(_escape, json.dumps(value, ensure_ascii=False))
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{as_json(str(k))}: {as_json(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(as_json(one) for one in value)}]"
    return json.dumps(value)


def _escape(match: re.Match[str]) -> str:
    return f"\\U{ord(match[0]):08x}"


def _printed(value: object) -> str:
    # An undefined value raises when it becomes text, and names itself.
    return str(value) if isinstance(value, Undefined) else as_json(value)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    # Not HTML: values become JSON instead.
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def _rendered(name: str, text: str, values: Mapping[str, Any]) -> str:
    try:
        return _environment().from_string(text).render(values)
    except TemplateSyntaxError as error:
        raise _wrong(name, f"is no Jinja2 in line {error.lineno}: {error.message}.") from error
    # A template is a program: what it does wrong may raise anything.
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == _FRAME]
        where = f" in line {lines[-1]}" if lines else ""
        kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
        raise _wrong(
            name,
            f"does not render{where}: {kind}{str(error).rstrip('.')}.",
            f"It may use: {', '.join(sorted(values))}.",
        ) from error


def _objects(name: str, text: str) -> list[Json]:
    try:
        found = [one for one in yaml.safe_load_all(text) if one is not None]
    except yaml.YAMLError as error:
        said = " ".join(str(getattr(error, "problem", None) or error).split())
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1} of what it renders to" if mark else ""
        raise _wrong(
            name,
            f"gives no YAML{where}: {said}.",
            "Values come as JSON: write {{ value }} without quotes around it.",
        ) from error
    for one in found:
        if not (isinstance(one, dict) and {"apiVersion", "kind"} <= set(one)):
            shown = one if isinstance(one, str | int) else type(one).__name__
            raise _wrong(
                name,
                f"gives something that is no Kubernetes object ({shown!r}).",
                "Each document needs apiVersion and kind.",
            )
        _require_json(name, one)
    return found


def _require_json(name: str, one: object) -> None:
    if isinstance(one, dict):
        for key, value in one.items():
            if not isinstance(key, str):
                raise _wrong(name, f"has a key that is no text: {key!r}.", "Quote it.")
            _require_json(name, value)
    elif isinstance(one, list):
        for value in one:
            _require_json(name, value)
    elif isinstance(one, date | bytes | set):
        raise _wrong(name, f"has a value that is no JSON: {str(one)!r}.", "Quote it.")


def _wrong(name: str, reason: str, fix: str = "Correct the template.") -> TaskError:
    return TaskError([Problem(_FIELD, name, reason, fix)], "template")
