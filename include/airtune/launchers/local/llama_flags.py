"""llama-server's flags, as attributes of xllamacpp's ``CommonParams``; standard library only."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


class FlagError(ValueError):
    """The command line cannot be used; the text is llama-server's own form of saying so."""


@dataclass(frozen=True)
class Member:
    """A member of one of xllamacpp's enumerations, by name, so that it need not be imported."""

    enumeration: str
    name: str


Value = bool | int | float | str | list[str] | list[float] | Member


@dataclass(frozen=True)
class Flag:
    """One flag of llama-server.

    Attributes:
        names: all its spellings, dashes included.
        attribute: dotted path in ``CommonParams``; empty for flags that are accepted without
            effect. ``load_mode.*`` are this module's own, see ``load_mode``.
        read: text → value; None for a switch.
        value: what a switch sets.
    """

    names: tuple[str, ...]
    attribute: str
    read: Callable[[str], Value] | None = None
    value: Value = True


@dataclass
class Parsed:
    """A command line that was understood.

    Attributes:
        settings: attribute → value, the last one given wins.
        ignored: flags without effect.
    """

    settings: dict[str, Value] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def parse(argv: Sequence[str], flags: Iterable[Flag]) -> Parsed:
    """Read a llama-server command line.

    Raises:
        FlagError: a flag is unknown or lacks its value, or a value cannot be read.
    """
    by_name = {name: flag for flag in flags for name in flag.names}
    parsed = Parsed()
    words = iter(argv)
    for word in words:
        flag = by_name.get(word)
        if flag is None:
            raise FlagError(f"invalid argument: {word}{_hint(word, by_name)}")
        value = flag.value
        if flag.read is not None:
            text = next(words, None)
            if text is None:
                raise FlagError(f"expected value for argument {word}")
            try:
                value = flag.read(text)
            except ValueError as error:
                raise FlagError(f'error while handling argument "{word}": {error}') from None
        if flag.attribute:
            parsed.settings[flag.attribute] = value
        else:
            parsed.ignored.append(word)
    return parsed


def load_mode(mmap: bool, mlock: bool) -> Member:
    """How the model is loaded: ``--mmap`` and ``--mlock`` are one setting in llama.cpp."""
    name = {(True, True): "MMAP_MLOCK", (True, False): "MMAP", (False, True): "MLOCK"}
    return Member("llama_load_mode", f"LLAMA_LOAD_MODE_{name.get((mmap, mlock), 'NONE')}")


def choice(enumeration: str, prefix: str, names: Mapping[str, str]) -> Callable[[str], Member]:
    """A reader of one of ``names`` (text → member without ``prefix``)."""

    def read(text: str) -> Member:
        if text not in names:
            raise ValueError(f"unknown value {text!r}; choose one of {', '.join(names)}")
        return Member(enumeration, prefix + names[text])

    return read


def integer(low: int, high: int = 2**31 - 1) -> Callable[[str], int]:
    """A reader of whole numbers from ``low`` to ``high``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"{text!r} is no whole number") from None
        if not low <= value <= high:
            raise ValueError(f"{value} is not between {low} and {high}")
        return value

    return read


def number(text: str) -> float:
    """A decimal number."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


def words(text: str) -> list[str]:
    """Comma-separated words, empty ones dropped."""
    return [word for word in (part.strip() for part in text.split(",")) if word]


def numbers(text: str) -> list[float]:
    """Comma-separated numbers."""
    return [number(word) for word in words(text)]


def gpu_layers(text: str) -> int:
    """A count of layers; ``auto`` and ``all`` are -1 and -2 in llama.cpp."""
    named = {"auto": -1, "all": -2}
    return named[text] if text in named else integer(-2)(text)


def on_off(text: str) -> bool:
    """``on`` or ``off``, as llama.cpp reads them."""
    words_for = {"on": True, "enabled": True, "true": True, "1": True}
    words_for |= {"off": False, "disabled": False, "false": False, "0": False}
    if text not in words_for:
        raise ValueError(f"unknown value {text!r}; write on or off")
    return words_for[text]


def _hint(word: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
