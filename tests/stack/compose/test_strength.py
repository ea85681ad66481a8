import secrets
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.stack.compose.check import main
from airtune.stack.compose.dotenv import random_secrets
from airtune.stack.compose.strength import SECRETS, weaknesses


@pytest.fixture
def good() -> Mapping[str, str]:
    return random_secrets()


def test_random_secrets_are_accepted(good: Mapping[str, str]) -> None:
    assert weaknesses(good) == []


@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_secret_is_named_with_the_fix(good: Mapping[str, str], name: str) -> None:
    (text,) = weaknesses({**good, name: ""})
    assert text.startswith(f"{name} is missing")
    assert "make env" in text


@pytest.mark.parametrize(
    "value",
    [
        "airflow",
        "admin",
        "password",
        "changeme",
        "postgres",
        "short-but-odd-7",
        "airflow-password-admin",
        "change-me-change-me-change-me",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "AIRTUNE_ADMIN_PASSWORD"])
def test_a_default_or_weak_secret_is_refused_and_not_shown(
    good: Mapping[str, str], name: str, value: str
) -> None:
    (text,) = weaknesses({**good, name: value})
    assert text.startswith(f"{name} is a default or too weak")
    assert f"'{value}'" not in text


@given(st.text(max_size=15))
def test_nothing_shorter_than_16_characters_is_accepted(value: str) -> None:
    assert weaknesses({**random_secrets(), "AIRFLOW_JWT_SECRET": value})


def test_a_password_that_would_break_a_url_is_refused(good: Mapping[str, str]) -> None:
    value = f"{secrets.token_hex(16)}@/"
    (text,) = weaknesses({**good, "POSTGRES_PASSWORD": value})
    assert "part of a URL" in text
    assert weaknesses({**good, "AIRTUNE_ADMIN_PASSWORD": value}) == []


def test_a_fernet_key_of_another_length_is_refused(good: Mapping[str, str]) -> None:
    (text,) = weaknesses({**good, "AIRFLOW_FERNET_KEY": secrets.token_hex(40)})
    assert "no Fernet key" in text


def test_one_value_for_two_secrets_is_refused(good: Mapping[str, str]) -> None:
    (text,) = weaknesses({**good, "AIRFLOW_SECRET_KEY": good["AIRFLOW_JWT_SECRET"]})
    assert text.startswith("AIRFLOW_SECRET_KEY has the value of AIRFLOW_JWT_SECRET")


def test_the_check_service_prints_the_sentence_and_fails(
    good: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**good, "POSTGRES_PASSWORD": "airflow"}.items():
        monkeypatch.setenv(name, value)
    assert main() == 1
    assert "POSTGRES_PASSWORD is a default" in capsys.readouterr().err
    monkeypatch.setenv("POSTGRES_PASSWORD", good["POSTGRES_PASSWORD"])
    assert main() == 0
