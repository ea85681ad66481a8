"""The last task of a sweep: tell the receivers of the task about its verdict."""

import html
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier, Context

    from airtune.operators.announcement import Announcement

TRIES = 3
SEND_S = 30.0
"""How long a webhook may take to answer."""


class NotifyVerdict(BaseOperator):
    """Send by Airflow's notifiers; where something cannot be sent, the others still are.

    Args:
        receivers: the task's ``notify`` as JSON: names of connections and addresses, no secrets.
    """

    ui_color = "#e2e3ff"
    pause_s = 2.0
    """Seconds before the second try; twice that before the third."""

    def __init__(self, *, receivers: Sequence[Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.receivers = list(receivers)

    def execute(self, context: "Context") -> list[str]:
        """Send to all whom this verdict concerns; returns who was told.

        Raises:
            AirflowSkipException: the run was skipped, or its verdict concerns none of them.
            AirflowFailException: somebody could not be told; the others were.
        """
        from airtune.operators.reduce import plan_was_skipped

        ti = context["ti"]
        if plan_was_skipped(ti):
            raise AirflowSkipException("the run was skipped")
        about = self.outcome(f"{ti.dag_id}/{ti.run_id}")
        changed = about is not None and about.changed
        due = [one for one in self.receivers if changed or one["on"] == "always"]
        if not due:
            raise AirflowSkipException("the verdict is the one that was known")
        told, failed = [], []
        for receiver in due:
            name = _name(receiver)
            problem = self._send(receiver, about, context)
            if problem:
                failed.append(f"{name}: {problem}")
                self.log.error("%s could not be told: %s", name, problem)
            else:
                told.append(name)
                self.log.info("told %s", name)
        if failed:
            raise AirflowFailException(f"could not be told: {'; '.join(failed)}")
        return told

    def outcome(self, run: str) -> "Announcement | None":
        """What the run has found; None if it has no verdict."""
        from airtune.operators.announcement import announcement
        from airtune.settings import Settings
        from airtune.study.store import Store

        settings = Settings.load()
        with Store.open(settings.store_url) as store:
            try:
                return announcement(store, settings, run)
            except LookupError:
                return None

    def _send(
        self, receiver: Mapping[str, Any], about: "Announcement | None", context: "Context"
    ) -> str:
        """Send one; returns what went wrong in words that hold no secret, empty if nothing."""
        problem = ""
        for attempt in range(TRIES):
            time.sleep(self.pause_s * attempt)
            try:
                # Not called like a function: that would render the text as a template, and swallow
                # the error.
                notifier(receiver, about, context).notify(context)
                return ""
            # Of any kind. The text may hold the address of a webhook, which is a secret.
            except Exception as error:
                problem = f"{type(error).__name__}; check the connection in Airflow"
        return problem


def notifier(
    receiver: Mapping[str, Any], about: "Announcement | None", context: "Context"
) -> "BaseNotifier":
    """Airflow's notifier for one receiver, with the message in it."""
    message = message_of(about, context["ti"].dag_id, context["ti"].run_id)
    if "smtp" in receiver:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        return SmtpNotifier(
            smtp_conn_id=receiver["smtp"]["connection"],
            to=receiver["smtp"]["to"],
            subject=message["subject"],
            html_content=_page(message),
        )
    from airflow.providers.http.notifications.http import HttpNotifier

    return HttpNotifier(
        http_conn_id=receiver["webhook"]["connection"],
        json=message,
        extra_options={"timeout": SEND_S},
    )


def message_of(about: "Announcement | None", dag_id: str, run_id: str) -> dict[str, Any]:
    """What is told: ``text`` for chats that show it, and the outcome in fields."""
    name = dag_id.removeprefix("sweep__")
    if about is None:
        text = "The run has no verdict: see the logs of its plan and reduce in Airflow."
        subject, fields = f"airtune: {name} has no verdict", {"changed": False}
    else:
        word = "new verdict" if about.changed else "same verdict"
        text, subject, fields = about.statement, f"airtune: {name}: {word}", about.event()
    return {
        "subject": subject,
        "text": f"{name}: {text}",
        "task_name": name,
        "dag_id": dag_id,
        "run_id": run_id,
        **fields,
    }


def _page(message: Mapping[str, Any]) -> str:
    shown = {key: value for key, value in message.items() if key not in {"subject", "text"}}
    rows = "".join(
        f"<tr><td>{html.escape(key)}</td><td>{html.escape(_told(value))}</td></tr>"
        for key, value in shown.items()
    )
    return f"<p>{html.escape(message['text'])}</p><table>{rows}</table>"


def _told(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(receiver: Mapping[str, Any]) -> str:
    kind = "smtp" if "smtp" in receiver else "webhook"
    return f"{kind} {receiver[kind]['connection']}"
