import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from airtune.errors import SettingsError
from airtune.stack.compose.prepare import create_database, unwritable, write_login
from airtune.study.store import Store
from airtune.testing.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.mark.postgres
def test_the_store_gets_a_database_of_its_own_once(server: PostgresServer) -> None:
    url = server.url("airtune-store")
    assert create_database(url)
    assert not create_database(url)
    Store.open(url).close()


@pytest.mark.postgres
def test_a_wrong_password_is_said_without_showing_it(server: PostgresServer) -> None:
    url = server.url("store").replace(server.password, "not-the-password")
    with pytest.raises(SettingsError, match="AIRTUNE_STORE_URL") as caught:
        create_database(url)
    assert "not-the-password" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:////tmp/x.db", "postgresql+psycopg://a:b@h/", "nonsense"])
def test_a_store_that_containers_cannot_share_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"write postgresql\+psycopg://"):
        create_database(url)


def test_the_login_is_written_for_airflow_alone(tmp_path: Path) -> None:
    write_login(tmp_path / "passwords.json", "a-password")
    assert json.loads((tmp_path / "passwords.json").read_text()) == {"admin": "a-password"}
    assert stat.S_IMODE((tmp_path / "passwords.json").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    (text,) = unwritable([tmp_path, missing])
    assert text.startswith(f"{missing} is not writable for user {os.geteuid()}")
    assert "AIRTUNE_UID" in text
