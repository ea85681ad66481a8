"""When a task runs by itself: cron expression or preset, in a time zone."""

from datetime import UTC, datetime

import pytest

from airtune.study.identity import study_id
from airtune.task import read_task
from airtune.task.schedule import PRESETS

REFUSED = {
    "preset": ("@nightly", "schedule", "= '@nightly': is no preset. Write one of: @hourly,"),
    "misspelt preset": ("@dayly", "schedule", 'Did you mean "@daily"?'),
    "minute 61": ("61 1 * * *", "schedule", "out of range"),
    "never": ("0 0 30 2 *", "schedule", "is no cron expression that ever comes true"),
    "seconds": ("0 0 1 * * *", "schedule", "has 6 fields, cron has 5."),
    "words": ("every day at one", "schedule", "has 4 fields, cron has 5."),
    "empty": ("", "schedule", "is empty."),
    "by chance": ("R 1 * * *", "schedule", "asks for a time by chance."),
    "hashed": ("H 1 * * *", "schedule", "asks for a time by chance."),
    "number": (7, "schedule", "is not an object."),
    "zone": (
        {"cron": "@daily", "timezone": "Europe/Berln"},
        "schedule.timezone",
        "= 'Europe/Berln': is no time zone of the IANA database. Did you mean Europe/Berlin",
    ),
    "path as zone": (
        {"cron": "@daily", "timezone": "../../etc/passwd"},
        "schedule.timezone",
        "is no time zone of the IANA database.",
    ),
    "unknown key": (
        {"cron": "@daily", "zone": "UTC"},
        "schedule.zone",
        'is an unknown key. Did you mean "timezone"?',
    ),
    "no cron": ({"timezone": "UTC"}, "schedule.cron", "is missing."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_schedule_that_cannot_be_kept_says_where_what_why_and_what_to_write(refusal, case):
    value, path, words = REFUSED[case]
    (problem,) = refusal({"schedule": value})
    assert problem.path == path
    assert words in str(problem)
    assert problem.fix


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_means_its_cron_fields(make, preset):
    schedule = read_task(make({"schedule": preset})).schedule
    assert schedule.cron == preset
    assert schedule.fields == PRESETS[preset]


def test_a_text_alone_is_in_utc(make):
    assert read_task(make({"schedule": "30 1 * * *"})).schedule.timezone == "UTC"


def test_the_time_of_day_is_that_of_the_zone_in_winter_and_in_summer(make):
    text = {"cron": "30 1 * * *", "timezone": "Europe/Berlin"}
    schedule = read_task(make({"schedule": text})).schedule
    winter = schedule.next_after(datetime(2026, 1, 10, 12, tzinfo=UTC))
    summer = schedule.next_after(datetime(2026, 7, 10, 12, tzinfo=UTC))
    assert winter.astimezone(UTC) == datetime(2026, 1, 11, 0, 30, tzinfo=UTC)
    assert summer.astimezone(UTC) == datetime(2026, 7, 10, 23, 30, tzinfo=UTC)


def test_a_stored_schedule_reads_as_the_same_one(make):
    task = read_task(make({"schedule": "@daily", "notify": [{"webhook": {"connection": "hook"}}]}))
    assert read_task(task.model_dump(mode="json")) == task


def test_schedule_and_receivers_do_not_make_another_study(make):
    plain = read_task(make({}))
    nightly = make({"schedule": "@daily", "notify": [{"webhook": {"connection": "hook"}}]})
    assert study_id(read_task(nightly)) == study_id(plain)


def test_schedule_and_receivers_are_told_in_words(make):
    receivers = [
        {"webhook": {"connection": "hook"}},
        {"smtp": {"connection": "mail", "to": ["a@example.org"]}, "on": "always"},
    ]
    told = read_task(make({"schedule": "@daily", "notify": receivers})).sentences()
    assert told[-3:] == [
        "Runs by itself at @daily (UTC) from the sweep folder, as sweep__docker-simple-tune.",
        "A changed verdict of the sweep is told by webhook (connection hook).",
        "Each run of the sweep is told by mail to a@example.org (connection mail).",
    ]
