"""The fake engine's command line: any engine's flags, read without knowing them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NAMES = ("served-model-name", "alias", "model-path", "model", "m")
"""Where the served name is looked for, best first."""


@dataclass(frozen=True)
class Options:
    """What a command line says.

    Attributes:
        flags: every flag by its name without dashes in front and with ``-`` for ``_``; a flag
            without a value is ``"true"``, one with several has them joined by a space.
        host: address to listen on.
        port: 1–65535, or 0 for any free one.
        model_name: what ``/v1/models`` answers.
    """

    flags: Mapping[str, str]
    host: str
    port: int
    model_name: str


def read_options(words: Sequence[str]) -> Options:
    """Read ``words`` (without the program). Unknown flags are kept, positional words ignored.

    Raises:
        ValueError: ``--port`` is not a whole number from 0 to 65535.
    """
    flags: dict[str, list[str]] = {}
    current: list[str] = []
    for word in words:
        if not _is_flag(word):
            current.append(word)
            continue
        name, equals, value = word.partition("=")
        current = [value] if equals else []
        flags[flag_name(name)] = current
    joined = {name: " ".join(values) or "true" for name, values in flags.items()}
    return Options(
        flags=joined,
        host=joined.get("host", "127.0.0.1"),
        port=_port(joined.get("port", "0")),
        model_name=next((joined[name] for name in _NAMES if name in joined), "fake"),
    )


def flag_name(text: str) -> str:
    """One name for all spellings: ``--tp_size``, ``tp-size`` and ``tp_size`` are ``tp-size``."""
    return text.lstrip("-").replace("_", "-")


def _is_flag(word: str) -> bool:
    return word.startswith("-") and not word[1:2].isdigit() and word != "-"


def _port(text: str) -> int:
    if text.isdigit() and int(text) <= 65535:
        return int(text)
    raise ValueError(f"--port {text}: write a whole number from 0 to 65535.")
