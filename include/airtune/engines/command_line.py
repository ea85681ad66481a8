"""How an engine's command line spells one parameter."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from airtune.records import ParamValue
from airtune.records.base import Scalar


@dataclass(frozen=True, eq=False)
class Dialect:
    """The habits of one engine's argument parser.

    Attributes:
        negatable: whether the switch ``name`` also exists as ``--no-name``.
        on_off: flags that take ``on`` or ``off`` where a task writes a boolean.
        comma_lists: a list is one word (``3,1``) instead of several.
        equals: ``--name=value`` is understood; needed for values that begin with a dash.
    """

    negatable: Callable[[str], bool]
    on_off: frozenset[str] = frozenset()
    comma_lists: bool = False
    equals: bool = True

    def positive(self, name: str, value: ParamValue) -> tuple[str, ParamValue]:
        """``no-mmap: true`` as ``mmap: false``, and booleans of on/off flags as their words.

        Raises:
            ValueError: a ``no-`` switch was given something else than a boolean.
        """
        bare = name.removeprefix("no-")
        if bare != name and self.negatable(bare):
            if value is not None and not isinstance(value, bool):
                raise ValueError(f"{name} is a switch; write true or false, not {value!r}.")
            name, value = bare, (None if value is None else not value)
        if name in self.on_off and isinstance(value, bool):
            value = "on" if value else "off"
        return name, value

    def words(self, name: str, value: ParamValue) -> tuple[str, ...]:
        """The words of one parameter; none for ``None`` and for a plain switch that is off.

        Raises:
            ValueError: the value cannot be put on a command line.
        """
        flag = f"--{name}"
        if value is None:
            return ()
        if isinstance(value, bool):
            if value:
                return (flag,)
            return (f"--no-{name}",) if self.negatable(name) else ()
        if isinstance(value, list):
            return (flag, *self._items(name, value))
        text = _text(name, value)
        if text.startswith("-") and isinstance(value, str) and self.equals:
            return (f"{flag}={text}",)
        return flag, text

    def _items(self, name: str, values: list[Scalar]) -> tuple[str, ...]:
        if not values:
            raise ValueError(f"{name} is an empty list; write null to leave the flag out.")
        texts = [_text(name, value) for value in values]
        if self.comma_lists:
            return (",".join(texts),)
        for text, value in zip(texts, values, strict=True):
            if text.startswith("-") and isinstance(value, str):
                raise ValueError(f"{name}: the item {text!r} would be read as a flag; remove it.")
        return tuple(texts)


def _text(name: str, value: Scalar) -> str:
    if value is None:
        raise ValueError(f"{name} has a null inside a list; remove it.")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} = {value!r} is no number an engine can use; write a finite one.")
    text = str(value)
    if "\0" in text:
        raise ValueError(f"{name} = {value!r} has a NUL character; remove it.")
    return text
