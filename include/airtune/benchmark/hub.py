"""Where the client's tokenizer comes from, and whether the hub must be asked for it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airtune.errors import Problem, TaskError

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


@dataclass(frozen=True)
class TokenizerSource:
    """A tokenizer as the client is told of it.

    Attributes:
        reference: absolute folder, or Hugging Face id.
        offline: True when everything is on this host, so the hub must not be asked.
    """

    reference: str
    offline: bool


def find_tokenizer(
    name: str, home: Path, environ: Mapping[str, str] | None = None
) -> TokenizerSource:
    """Find ``name``: a folder (relative ones start at ``home``), a cached id, else an id.

    Raises:
        TaskError: ``name`` is a path and nothing is there.
    """
    path = home / Path(name).expanduser()
    if path.exists():
        return TokenizerSource(str(path), offline=True)
    if not _HUB_ID.match(name):
        raise TaskError(
            [
                Problem(
                    "benchmark.model_tokenizer",
                    name,
                    f"there is no such folder ({path}).",
                    "Make it (`make env` prepares the examples' tokenizer), or write a "
                    "Hugging Face id such as 'org/name'.",
                )
            ]
        )
    return TokenizerSource(name, _cached(name, os.environ if environ is None else environ))


def _cached(name: str, environ: Mapping[str, str]) -> bool:
    repository = _cache(environ) / f"models--{name.replace('/', '--')}"
    try:
        revision = (repository / "refs" / "main").read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return False
    snapshot = repository / "snapshots" / revision
    return any((snapshot / file).exists() for file in _FILES)


def _cache(environ: Mapping[str, str]) -> Path:
    """The hub's cache folder, by the variables that huggingface_hub reads."""
    if "HF_HUB_CACHE" in environ:
        return Path(environ["HF_HUB_CACHE"]).expanduser()
    if "HF_HOME" in environ:
        return Path(environ["HF_HOME"]).expanduser() / "hub"
    cache = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", "~")) / ".cache")
    return Path(cache).expanduser() / "huggingface" / "hub"
