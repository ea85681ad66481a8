"""The results page in a running Airflow: there with a login, refused without."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.page.pages import stored

from airtune.stack.handle import running_stack
from airtune.stack.health import fetch_token, open_client

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def client(site: Any) -> Iterator[httpx.Client]:
    """An HTTP client of the API server that has not logged in."""
    site.settings.results_dir.mkdir(parents=True, exist_ok=True)
    stored(site.settings.results_dir, "page-sample")
    handle = running_stack(site.stack.folder)
    assert handle is not None
    with open_client(handle.url, timeout_s=30.0) as client:
        yield client


@pytest.fixture(scope="module")
def token(site: Any) -> str:
    handle = running_stack(site.stack.folder)
    assert handle is not None
    return fetch_token(handle.url, handle.user, handle.password)


@pytest.mark.parametrize("path", ["/airtune/", "/airtune/tasks/page-sample"])
def test_the_page_is_refused_without_a_login(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert "page-sample" not in answer.text


@pytest.mark.parametrize("path", ["/airtune/", "/airtune/tasks/page-sample"])
def test_the_page_is_shown_with_a_login(client: httpx.Client, token: str, path: str) -> None:
    bearer = client.get(path, headers={"Authorization": f"Bearer {token}"})
    cookie = client.get(path, headers={"Cookie": f"_token={token}"})
    assert (bearer.status_code, cookie.status_code) == (200, 200)
    assert "page-sample" in bearer.text
    assert bearer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_forged_token_is_refused(client: httpx.Client, token: str) -> None:
    forged = token[:-8] + "AAAAAAAA"
    answer = client.get("/airtune/", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code in {401, 403}


@pytest.mark.parametrize("name", ["none", "..%2f..%2fetc%2fpasswd", "%2e%2e"])
def test_no_other_file_can_be_asked_for(client: httpx.Client, token: str, name: str) -> None:
    answer = client.get(f"/airtune/tasks/{name}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 404


def test_airflow_has_the_page_in_its_menu(client: httpx.Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    plugins = client.get("/api/v2/plugins", headers=headers).json()["plugins"]
    (ours,) = (one for one in plugins if one["name"] == "airtune")
    assert [view["href"] for view in ours["external_views"]] == ["/airtune/"]
    errors = client.get("/api/v2/plugins/importErrors", headers=headers).json()
    assert errors["import_errors"] == []
