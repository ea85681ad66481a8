"""Remembering which models are complete in a host's hub cache: asking it takes a container."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from airtune.settings import Settings


@dataclass(frozen=True)
class Marker:
    """A file of the worker for one model on one host.

    It counts as long as the volume is the one that it was written for. That somebody has emptied
    a folder or taken files out of the volume is not noticed: then remove ``var/run/hub``.

    Attributes:
        client: ``docker.APIClient``.
        url: the engine's.
        model: hub id.
    """

    client: Any
    url: str
    settings: Settings
    model: str

    def complete(self) -> bool:
        """Whether all of the model is there."""
        try:
            return self.path.read_text() == self._cache_born()
        except FileNotFoundError:
            return False

    def write(self) -> None:
        """From now on it is complete."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self._cache_born())

    @property
    def path(self) -> Path:
        """The file."""
        words = f"{self.url}\n{self.settings.hub_cache}\n{self.model}"
        name = hashlib.sha256(words.encode()).hexdigest()[:16]
        return self.settings.run_dir / "hub" / name

    def _cache_born(self) -> str:
        """When the volume was made; a folder has no such date."""
        cache = self.settings.hub_cache
        if cache.startswith("/"):
            return "folder"
        try:
            return str(self.client.inspect_volume(cache)["CreatedAt"])
        except NotFound:
            return "none"
