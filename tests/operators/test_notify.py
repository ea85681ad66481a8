"""Receivers are told by Airflow's own notifiers; a mail server and a webhook listen."""

from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.operators.sinks import Hook, Mailbox, mail_server, webhook

from airtune.operators import notify
from airtune.operators.announcement import Announcement
from airtune.operators.notify import NotifyVerdict, message_of

SECRET = "services/T0/S3CRET"
STATEMENT = "exp3 wins with <b>x</b>={{ 7 * 7 }}: 12 ms."
ABOUT = Announcement(
    task_name="night",
    study="night-1",
    run="sweep__night/1",
    kind="winner",
    changed=True,
    winner={"x": 1},
    gain_pct=12.5,
    statement=STATEMENT,
    results="/r/night_results.json",
)
MAIL = {"smtp": {"connection": "mail", "to": ["a@example.org", "b@example.org"]}, "on": "change"}
HOOK = {"webhook": {"connection": "hook"}, "on": "change"}


class Ti:
    """A task instance whose plan has this state."""

    dag_id, run_id = "sweep__night", "scheduled__1"

    def __init__(self, plan: str = "success") -> None:
        self.plan = plan

    def get_task_states(self, **asked: Any) -> dict[str, dict[str, str]]:
        return {self.run_id: dict.fromkeys(asked["task_ids"], self.plan)}


class Notify(NotifyVerdict):
    """Tells of what it is given instead of a run, and does not pause between tries."""

    pause_s = 0.0
    about: Announcement | None = None

    def outcome(self, run: str) -> Announcement | None:
        return self.about


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mail_server() as box:
        options = "disable_ssl=true&disable_tls=true&from_email=airtune%40example.org"
        uri = f"smtp://127.0.0.1:{box.port}/?{options}"
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", uri)
        yield box


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with webhook() as found:
        host = f"http%3A%2F%2F127.0.0.1%3A{found.port}%2F{SECRET.replace('/', '%2F')}"
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", f"http://{host}")
        yield found


def _tell(
    receivers: list[dict[str, Any]],
    about: Announcement | None = ABOUT,
    plan: str = "success",
) -> list[str]:
    task = Notify(task_id="notify", receivers=receivers)
    task.about = about
    context: Any = {"ti": Ti(plan)}
    return task.execute(context)


def _text(message: Message) -> str:
    parts = [part for part in message.walk() if not part.is_multipart()]
    return b"".join(bytes(part.get_payload(decode=True)) for part in parts).decode()


def test_a_changed_verdict_goes_out_by_mail(mailbox: Mailbox) -> None:
    assert _tell([MAIL]) == ["smtp mail"]
    (message,) = mailbox.messages
    assert mailbox.receivers == ["a@example.org", "b@example.org"]
    assert message["Subject"] == "airtune: night: new verdict"
    assert message["From"] == "airtune@example.org"
    text = _text(message)
    assert "x&lt;/b&gt;={{ 7 * 7 }}" in text, "neither HTML nor a template"
    assert "12.5" in text


def test_a_changed_verdict_is_posted_to_the_webhook_as_json(hook: Hook) -> None:
    assert _tell([HOOK]) == ["webhook hook"]
    ((path, posted),) = hook.posted
    assert path == f"/{SECRET}"
    assert posted["text"] == f"night: {STATEMENT}"
    assert posted["winner"] == {"x": 1}
    assert posted["gain_pct"] == 12.5
    assert posted["changed"] is True


def test_a_verdict_that_is_the_same_goes_only_to_those_who_want_each(
    hook: Hook, mailbox: Mailbox
) -> None:
    same = replace(ABOUT, changed=False)
    assert _tell([MAIL, HOOK | {"on": "always"}], same) == ["webhook hook"]
    assert mailbox.messages == []
    with pytest.raises(AirflowSkipException):
        _tell([MAIL, HOOK], same)


def test_a_run_without_a_verdict_goes_only_to_those_who_want_each(hook: Hook) -> None:
    _tell([HOOK | {"on": "always"}], None)
    assert "has no verdict" in hook.posted[0][1]["text"]
    with pytest.raises(AirflowSkipException):
        _tell([HOOK], None)


def test_nobody_is_told_of_a_skipped_night(hook: Hook) -> None:
    with pytest.raises(AirflowSkipException):
        _tell([HOOK | {"on": "always"}], plan="skipped")
    assert hook.calls == 0


def test_what_fails_once_is_sent_again(hook: Hook) -> None:
    hook.refuse = 1
    assert _tell([HOOK]) == ["webhook hook"]
    assert hook.calls == 2


def test_a_receiver_that_cannot_be_told_is_named_without_its_address_and_the_others_are_told(
    hook: Hook, mailbox: Mailbox
) -> None:
    hook.refuse = notify.TRIES
    with pytest.raises(AirflowFailException, match="webhook hook") as caught:
        _tell([HOOK, MAIL])
    assert "S3CRET" not in str(caught.value)
    assert len(mailbox.messages) == 1


def test_a_connection_that_is_not_there_is_named() -> None:
    missing = {"webhook": {"connection": "none_such"}, "on": "change"}
    with pytest.raises(AirflowFailException, match="none_such"):
        _tell([missing])


def test_the_message_of_a_known_verdict_says_so() -> None:
    message = message_of(replace(ABOUT, changed=False), "sweep__night", "r")
    assert message["subject"] == "airtune: night: same verdict"
    assert message["kind"] == "winner"
