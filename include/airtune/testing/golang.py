"""The Go on PATH: it builds what tests need and no package has, from Go's module proxy."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

OLDEST = (1, 24)
"""Debian 12 has 1.19, which cannot build what tests need."""

_TAIL = 2000


def why_no_go() -> str | None:
    """Why Go cannot build here, None if it can."""
    version = go_version(_output("go", "version"))
    if version is None:
        return "no Go on PATH"
    if version < OLDEST:
        return f"Go {version[0]}.{version[1]} is too old ({OLDEST[0]}.{OLDEST[1]} or newer)"
    return None


def go_version(text: str) -> tuple[int, int] | None:
    """``(1, 24)`` for what ``go version`` prints; None if it is not that."""
    match = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def go(folder: Path, *words: str, more: Mapping[str, str] | None = None) -> str:
    """What ``go …`` prints, run in ``folder``; the same whatever the user's Go settings are.

    Args:
        more: environment variables beside those of this process.

    Raises:
        RuntimeError: it failed (with the end of its output).
    """
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    done = subprocess.run(
        ["go", *words],
        cwd=folder,
        env=environment | dict(more or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"go {words[0]} failed: {(done.stderr or done.stdout)[-_TAIL:]}")
    return done.stdout


def _output(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
