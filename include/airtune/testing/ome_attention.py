"""When the stand-in controller looks at an object again: on a change, or after a growing pause."""

from collections.abc import Sequence
from dataclasses import dataclass, field

RETRY_PAUSES_S = (15.0, 60.0, 240.0, 600.0)
"""Pauses after failed looks; the last one for ever."""


@dataclass
class _Known:
    version: str
    failures: int = 0
    due: float | None = None


@dataclass
class Attention:
    """Remembers what was seen of each object.

    That is OME's trap: only the object itself and what it owns are watched. A runtime made later
    wakes nobody, and an InferenceService that waits for one is not looked at before its pause is
    over.

    """

    _known: dict[str, _Known] = field(default_factory=dict)

    def is_due(self, uid: str, version: str, now: float) -> bool:
        """Whether to look now.

        Args:
            version: of the object and of what it owns; a new one is a change.
            now: seconds of a monotonic clock.
        """
        known = self._known.get(uid)
        if known is None or known.version != version:
            return True
        return known.due is not None and now >= known.due

    def failed(
        self, uid: str, version: str, now: float, pauses: Sequence[float] = RETRY_PAUSES_S
    ) -> float:
        """A look has failed; returns the pause until the next, seconds.

        Args:
            pauses: after the first failure, the second … in a row; the last one for ever.
        """
        known = self._known.get(uid) or _Known(version)
        pause = pauses[min(known.failures, len(pauses) - 1)]
        self._known[uid] = _Known(version, known.failures + 1, now + pause)
        return pause

    def done(self, uid: str, version: str, *, again_at: float | None = None) -> None:
        """A look has succeeded: only a change, or that time, brings another."""
        self._known[uid] = _Known(version, 0, again_at)

    def keep(self, uids: set[str]) -> None:
        """Forget all objects but these."""
        for uid in set(self._known) - uids:
            del self._known[uid]
