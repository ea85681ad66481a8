"""What a cluster has reported about one object."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from airtune.launchers.kubernetes.api import Api
from airtune.launchers.kubernetes.stamps import epoch

_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_QUOTED_CHARACTERS = 600


@dataclass(frozen=True)
class Event:
    """One kind of report, however often it was made.

    Attributes:
        warning: Kubernetes takes it for trouble.
        reason: one word, for example ``FailedMount``.
        message: its sentence.
        count: how often, ≥ 1.
        last_seen: epoch seconds of the cluster; None if it does not say.
    """

    warning: bool
    reason: str
    message: str
    count: int
    last_seen: float | None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Read an Event, of the old form or the new one."""
        series = told.get("series") or {}
        last = series.get("lastObservedTime") or told.get("lastTimestamp") or told.get("eventTime")
        return cls(
            warning=told.get("type") == "Warning",
            reason=told.get("reason") or "",
            message=" ".join((told.get("message") or "").split()),
            count=int(series.get("count") or told.get("count") or 1),
            last_seen=epoch(last),
        )


def events_of(api: Api, namespace: str, uid_or_name: str) -> list[Event]:
    """What was reported about an object, newest last.

    Args:
        uid_or_name: a uid finds the events of this one object, a name those of any of that name.

    Raises:
        ApiRefused: the API server refuses the list, or does not answer.
    """
    field = "uid" if _UID.fullmatch(uid_or_name) else "name"
    answer = api.get(
        f"/api/v1/namespaces/{namespace}/events",
        fieldSelector=f"involvedObject.{field}={uid_or_name}",
    )
    return in_order(Event.of(told) for told in answer["items"])


def in_order(events: Iterable[Event]) -> list[Event]:
    """``events``, newest last."""
    return sorted(events, key=lambda event: event.last_seen or 0.0)


def newest(events: Iterable[Event], *reasons: str) -> Event | None:
    """The newest warning with one of these reasons; None if there is none."""
    found = [event for event in events if event.warning and event.reason in reasons]
    return found[-1] if found else None


def quoted(text: str) -> str:
    """A cluster's text for a message of ours: one line, not too long, no full stop at its end."""
    line = " ".join(text.split()).rstrip(".: ")
    return line if len(line) <= _QUOTED_CHARACTERS else f"{line[:_QUOTED_CHARACTERS]}…"
