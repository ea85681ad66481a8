"""The application with any permission that a server may hand it."""

from pathlib import Path

import pytest
from fastapi import HTTPException
from tests.page.asking import Asking
from tests.page.pages import stored

from airtune.errors import SettingsError
from airtune.page.app import MayRead, create_app


def _only_local() -> MayRead:
    return lambda dag_id: dag_id == "autotune_local"


def _nobody() -> MayRead:
    raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})


@pytest.fixture
def client(tmp_path: Path) -> Asking:
    stored(tmp_path, "mine")
    stored(tmp_path, "foreign", run_id="secret_dag/run-1")
    (tmp_path / "broken_results.json").write_text("{")
    return Asking(create_app(lambda: tmp_path, _only_local))


def test_the_list_shows_what_the_user_may_read_and_names_nothing_else(client: Asking) -> None:
    html = client.get("/").text
    assert 'href="tasks/mine"' in html
    assert "foreign" not in html
    assert "broken" not in html
    assert "1 results file cannot be read" in html


def test_a_task_is_shown_under_a_strict_policy(client: Asking) -> None:
    answer = client.get("/tasks/mine")
    assert answer.status_code == 200
    assert "exp3 wins" in answer.text
    assert answer.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'sha"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name", ["unknown", "foreign", "broken", "%2e%2e%2fmine", "..%5cmine", "a%00b", "%3Cscript%3E"]
)
def test_unknown_forbidden_and_unreadable_tasks_are_all_not_found(
    client: Asking, name: str
) -> None:
    answer = client.get(f"/tasks/{name}")
    assert answer.status_code == 404
    assert "content-security-policy" in answer.headers
    assert "<script" not in answer.text


def test_without_a_login_every_route_is_refused(tmp_path: Path) -> None:
    stored(tmp_path, "mine")
    client = Asking(create_app(lambda: tmp_path, _nobody))
    for path in ("/", "/tasks/mine", "/tasks/unknown"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Log in to Airflow" in answer.text


def test_there_is_no_description_of_the_routes(client: Asking) -> None:
    assert [client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [
        404
    ] * 3


def test_the_page_can_only_be_read(client: Asking) -> None:
    assert client.get("/tasks/mine", method="POST").status_code == 405


def test_wrong_settings_are_told_on_the_page() -> None:
    def folder() -> Path:
        raise SettingsError("AIRTUNE_DEVICES is wrong.")

    client = Asking(create_app(folder, _only_local))
    answer = client.get("/")
    assert answer.status_code == 500
    assert "AIRTUNE_DEVICES is wrong." in answer.text
