"""Who hears of a sweep's verdict: by names of Airflow connections, never by secrets."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from airtune.task.base import TaskModel
from airtune.task.fault import fault

_CONNECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_ADDRESS = re.compile(r"[^\s@<>,;:\"'()\[\]\\]+@[A-Za-z0-9.-]+")


def connection_name(name: str) -> str:
    """The id of an Airflow connection; what else it might be is not shown, it may be a secret."""
    if not _CONNECTION.fullmatch(name):
        raise fault(
            "is no name of an Airflow connection.",
            "Keep address and password in a connection of Airflow and write its id, "
            'for example "team_webhook".',
            secret=True,
        )
    return name


def address(text: str) -> str:
    """One mail address without a display name."""
    if len(text) > 254 or not text.isprintable() or not _ADDRESS.fullmatch(text):
        raise fault("is no mail address.", 'Write for example "team@example.org".')
    return text


Connection = Annotated[str, AfterValidator(connection_name)]
"""Id of an Airflow connection."""

Address = Annotated[str, AfterValidator(address)]
"""A mail address."""


class Mail(TaskModel):
    """A mail by Airflow's SMTP notifier."""

    connection: Connection = Field(
        description="Airflow connection of type smtp; its from_email is the sender.",
        examples=["smtp_default"],
    )
    to: list[Address] = Field(
        min_length=1, max_length=50, description="Receivers.", examples=[["team@example.org"]]
    )


class Webhook(TaskModel):
    """A JSON object posted by Airflow's HTTP notifier."""

    connection: Connection = Field(
        description="Airflow connection of type http; its host is the whole address to post to.",
        examples=["team_webhook"],
    )


class Notification(TaskModel):
    """One receiver: either a mail or a webhook."""

    smtp: Mail | None = Field(
        None,
        description="Send a mail.",
        examples=[{"connection": "smtp_default", "to": ["team@example.org"]}],
    )
    webhook: Webhook | None = Field(
        None, description="Post to a webhook.", examples=[{"connection": "team_webhook"}]
    )
    on: Literal["change", "always"] = Field(
        "change",
        description="change: when the verdict differs from the study's last one. always: after "
        "each run, also one without a verdict.",
        examples=["change"],
    )

    @model_validator(mode="after")
    def _one(self) -> "Notification":
        if (self.smtp is None) == (self.webhook is None):
            which = "neither smtp nor webhook." if self.smtp is None else "both smtp and webhook."
            raise fault(
                f"names {which}",
                'Write one of them, for example {"webhook": {"connection": "team_webhook"}}.',
            )
        return self
