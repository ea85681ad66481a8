"""A trial's server as one command, quoted for a POSIX shell."""

import re
import shlex
from collections.abc import Mapping, Sequence

from airtune.records.server import PORT

_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_KEY", re.I)
_SECRET_FLAGS = ("--api-key", "--hf-token", "--token", "--model-api-key")
LAUNCH_PORT = 8000
"""In commands to be typed again; the trial had whatever port was free."""


def launch_command(
    argv: Sequence[str], env: Mapping[str, str] | None = None, *, port: int | None = None
) -> str:
    """The command that starts a server, environment in front; secrets are named, never written.

    Args:
        argv: as started; a port placeholder becomes ``port``, else 8000.
        env: what the task adds to the environment.
        port: written in place of the port that stands after ``--port``.
    """
    return " ".join([*env_words(env or {}), *shell_words(with_port(argv, port))])


def env_words(env: Mapping[str, str]) -> list[str]:
    """``NAME=value`` for each variable, quoted; a secret's value is the caller's own variable."""
    return [f"{name}={_value(name, value)}" for name, value in sorted(env.items())]


def with_port(argv: Sequence[str], port: int | None) -> tuple[str, ...]:
    """``argv`` with another port after ``--port``, and in place of the placeholder."""
    new = str(LAUNCH_PORT if port is None else port)
    return tuple(
        new if word == PORT or (port is not None and before == "--port") else word
        for before, word in zip(("", *argv), argv, strict=False)
    )


def shell_words(argv: Sequence[str], given: Mapping[str, str] | None = None) -> list[str]:
    """Each word quoted; a secret flag's value becomes a variable for the user to set.

    Args:
        given: flag → shell text that stands, unquoted by us, in place of that flag's value.
    """
    values = {flag: _variable(flag) for flag in _SECRET_FLAGS} | dict(given or {})
    words = []
    for before, word in zip(("", *argv), argv, strict=False):
        flag, equals, _ = word.partition("=")
        if before in values:
            words.append(values[before])
        elif equals and flag in values:
            words.append(f"{flag}={values[flag]}")
        else:
            words.append(shlex.quote(word))
    return words


def _value(name: str, value: str) -> str:
    return f'"${{{name}:?}}"' if _SECRET_NAME.search(name) else shlex.quote(value)


def _variable(flag: str) -> str:
    return f'"${{AIRTUNE_{flag.strip("-").replace("-", "_").upper()}:-no-key}}"'
