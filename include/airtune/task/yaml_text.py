"""YAML → plain JSON data, from the parser's events.

Nothing is ever constructed from tags, anchors are refused (a few lines of them can stand for
gigabytes), and scalars mean what YAML 1.2 says: ``on`` and ``yes`` are texts, not booleans.
"""

import re
from collections.abc import Iterator
from typing import Any

from airtune.errors import Problem, TaskError

_DEPTH = 32
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def parse_yaml(text: str, source: str) -> object:
    """Read one YAML document.

    Raises:
        TaskError: with line and column: no YAML, an anchor, alias or tag, the same key twice in
            one mapping, a key that is no scalar, several documents.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(source).build(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(error.problem or error.context or "syntax error").split())
        raise _refused(source, mark, None, f"is no YAML: {what}", "Correct it there.") from None
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())
        raise _refused(source, None, None, f"is no YAML: {what}", "Save it as UTF-8.") from None


class _Builder:
    """Puts the events together; a stack instead of recursion, so that depth costs nothing."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._stack: list[dict[str, Any] | list[Any]] = []
        self._keys: list[str | None] = []
        self._root: object = None
        self._documents = 0

    def build(self, events: Iterator[Any]) -> object:
        for event in events:
            handle = getattr(self, f"_on_{type(event).__name__}", None)
            if getattr(event, "anchor", None) is not None:
                raise self._refuse(
                    event,
                    event.anchor,
                    "is an anchor or alias; a few of them can stand for gigabytes.",
                    "Write the values out where they are needed.",
                )
            if handle:
                handle(event)
        return self._root

    def _on_DocumentStartEvent(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._refuse(event, None, "begins a second document.", "One file, one task.")

    def _on_MappingStartEvent(self, event: Any) -> None:
        self._open(event, {})

    def _on_SequenceStartEvent(self, event: Any) -> None:
        self._open(event, [])

    def _on_MappingEndEvent(self, event: Any) -> None:
        self._close()

    def _on_SequenceEndEvent(self, event: Any) -> None:
        self._close()

    def _on_ScalarEvent(self, event: Any) -> None:
        self._no_tag(event)
        if self._stack and isinstance(self._stack[-1], dict) and self._keys[-1] is None:
            self._key(event)
        else:
            self._put(_scalar(event.value) if event.implicit[0] else event.value, event)

    def _key(self, event: Any) -> None:
        if event.value in self._stack[-1]:
            raise self._refuse(
                event,
                event.value,
                "is a key that stands twice in one mapping; one of the two would be lost.",
                "Keep only one of them.",
            )
        self._keys[-1] = event.value

    def _open(self, event: Any, container: dict[str, Any] | list[Any]) -> None:
        self._no_tag(event)
        if self._stack and isinstance(self._stack[-1], dict) and self._keys[-1] is None:
            raise self._refuse(event, None, "has a key that is no text.", "Write a plain key.")
        if len(self._stack) >= _DEPTH:
            raise self._refuse(event, None, f"is nested more than {_DEPTH} deep.", "Flatten it.")
        self._put(container, event)
        self._stack.append(container)
        self._keys.append(None)

    def _close(self) -> None:
        self._stack.pop()
        self._keys.pop()

    def _put(self, value: object, event: Any) -> None:
        if isinstance(value, float) and value in {float("inf"), float("-inf")}:
            raise self._refuse(event, event.value, "is too large.", "Write a finite number.")
        if not self._stack:
            self._root = value
            return
        target, key = self._stack[-1], self._keys[-1]
        if isinstance(target, list):
            target.append(value)
        elif key is not None:
            target[key] = value
            self._keys[-1] = None

    def _no_tag(self, event: Any) -> None:
        if event.tag not in {None, "!"}:
            raise self._refuse(event, event.tag, "is a tag.", "Remove it and write plain values.")

    def _refuse(self, event: Any, value: object, reason: str, fix: str) -> TaskError:
        return _refused(self._source, event.start_mark, value, reason, fix)


def _scalar(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < 100:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _refused(source: str, mark: Any, value: object, reason: str, fix: str) -> TaskError:
    path = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
    return TaskError([Problem(path, value, reason, fix)], source)
