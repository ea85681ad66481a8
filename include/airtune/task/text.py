"""Texts and names as they may stand in a task."""

import re
from typing import Annotated

from pydantic import AfterValidator

from airtune.task.fault import fault

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def plain(text: str) -> str:
    """One line without control characters, not empty, not padded, no leading dash.

    A leading dash is refused because the text becomes an argument of engine or client, where it
    would be taken for a flag.
    """
    if not text.strip():
        raise fault("is empty.", "Write a text, or remove the key.")
    if _CONTROL.search(text):
        raise fault("contains a line break or control character.", "Write it on one line.")
    if text != text.strip():
        raise fault("begins or ends with a space.", f'Write "{text.strip()}".')
    if text.startswith("-"):
        raise fault("begins with a dash and would be taken for a flag.", "Remove the dash.")
    return text


def file_name(text: str) -> str:
    """Safe as the name of a file and a folder."""
    if not _FILE_NAME.fullmatch(text):
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:100] or "my-task"
        raise fault(
            "names the result files, so only letters, digits, dots, dashes and underscores can "
            "stand in it (at most 100, a letter or digit first).",
            f'Write "{safe}".',
        )
    return text


def inside(text: str) -> str:
    """A name or relative path that stays inside the folder it is looked up in."""
    if text.startswith(("/", "~")):
        folder, _, name = text.rstrip("/").rpartition("/")
        raise fault(
            "is an absolute path.",
            f'Write "path": "{text}" for a path on this host (local), or "root": '
            f'"{folder or "/"}" and "name": "{name or "model"}" (Docker).',
        )
    if ".." in text.split("/"):
        raise fault("leaves its folder by '..'.", "Write it without '..'.")
    return text


Line = Annotated[str, AfterValidator(plain)]
"""One line of text that is safe as an argument."""

InsideName = Annotated[Line, AfterValidator(inside)]
"""A ``Line`` that stays inside the folder it is looked up in."""

FileName = Annotated[str, AfterValidator(file_name)]
"""A text that is safe as a file name."""
