"""What a pull's many reports come to, in one line."""

from collections.abc import Mapping
from typing import Any

_DONE = frozenset({"Pull complete", "Already exists"})
_MB = 1_000_000


class Progress:
    """Layers and bytes of one pull."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._done: dict[str, bool] = {}
        self._bytes: dict[str, tuple[int, int]] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """Count one report of the engine."""
        layer, status = event.get("id"), str(event.get("status", ""))
        if not layer or status.startswith("Pulling from"):
            return
        self._done[layer] = status in _DONE
        detail = event.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self._bytes[layer] = int(detail.get("current", 0)), int(detail["total"])
        elif layer in self._bytes:  # it is down: extracting counts other bytes
            total = self._bytes[layer][1]
            self._bytes[layer] = total, total

    def line(self) -> str:
        """How far it is."""
        here, total = (sum(pair[i] for pair in self._bytes.values()) for i in (0, 1))
        layers = f"{sum(self._done.values())} of {len(self._done)} layers"
        return f"pulling {self._reference}: {layers}, {here / _MB:.0f} of {total / _MB:.0f} MB"
