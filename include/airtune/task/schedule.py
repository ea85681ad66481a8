"""When a sweep runs: a cron expression or preset, in a time zone."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from airtune.task.base import TaskModel
from airtune.task.fault import fault
from airtune.task.hints import choose, closest
from airtune.task.text import Line, plain

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
"""The presets that Airflow knows, and what they stand for."""

_EXAMPLE = 'Write for example "30 1 * * *" (01:30 each day) or "@daily".'
_BY_CHANCE = re.compile(r"(^|[\s,])[RH]", re.IGNORECASE)
"""``R`` and ``H`` stand for a time drawn anew whenever the expression is read."""


def cron_text(text: str) -> str:
    """A preset, or five cron fields that Airflow reads and that come true at some time."""
    if text.startswith("@"):
        if text not in PRESETS:
            raise fault("is no preset.", choose(text, PRESETS))
        return text
    count = len(text.split())
    if count != 5:
        raise fault(f"has {count} fields, cron has 5.", _EXAMPLE)
    if _BY_CHANCE.search(text):
        raise fault("asks for a time by chance.", _EXAMPLE)
    _read(text)
    return text


def zone_name(text: str) -> str:
    """A name of the IANA time zone database."""
    if text not in _zones():
        near = closest(text, _zones(), 3)
        hint = (
            f"Did you mean {' or '.join(near)}?" if near else 'Write for example "Europe/Berlin".'
        )
        raise fault("is no time zone of the IANA database.", hint)
    return text


class Schedule(TaskModel):
    """When the task runs by itself; a text alone is the cron expression, in UTC."""

    cron: Annotated[Line, AfterValidator(cron_text)] = Field(
        description="Minute, hour, day of month, month, day of week; or a preset such as @daily.",
        examples=["30 1 * * *"],
    )
    timezone: Annotated[Line, AfterValidator(zone_name)] = Field(
        "UTC", description="IANA time zone of the cron expression.", examples=["Europe/Berlin"]
    )

    @property
    def fields(self) -> str:
        """The five cron fields, presets spelled out."""
        return PRESETS.get(self.cron, self.cron)

    def next_after(self, moment: datetime) -> datetime:
        """The first time after ``moment`` (with a time zone) that the schedule names."""
        from croniter import croniter

        zone = ZoneInfo(self.timezone)
        found: datetime = croniter(self.fields, moment.astimezone(zone)).get_next(datetime)
        return found


def _read(text: str) -> None:
    from croniter import CroniterError, croniter

    try:
        croniter(text, datetime(2026, 1, 1, tzinfo=UTC)).get_next(datetime)
    except (CroniterError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split()).rstrip(". ")
        raise fault(f"is no cron expression that ever comes true: {reason}.", _EXAMPLE) from None


@cache
def _zones() -> tuple[str, ...]:
    # The list, not a look-up by name: that would open a path below a folder of the host.
    return tuple(sorted(available_timezones()))


def _spelled_out(value: object) -> object:
    # Checked here too, so that a problem is told at the place where the text stands.
    return {"cron": cron_text(plain(value))} if isinstance(value, str) else value


ScheduleField = Annotated[
    Schedule, BeforeValidator(_spelled_out, json_schema_input_type=str | Schedule)
]
"""``schedule``: a text, or ``{cron, timezone}``."""
