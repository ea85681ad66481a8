"""The plugin: Airflow's login on every route, and nothing loaded before the page is asked for."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.page.asking import Asking
from tests.page.pages import stored

PLUGIN = Path(__file__).resolve().parents[2] / "plugins" / "airtune_ui.py"
# Airflow's API server imports a test client on its way, which wants another library.
pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
HEAVY = {"fastapi", "starlette", "jinja2", "optuna", "pandas", "numpy", "plotly", "airtune"}


def _plugin() -> Any:
    """The plugin as Airflow loads it: by its path, under its bare name."""
    spec = importlib.util.spec_from_file_location(PLUGIN.stem, PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.AirtunePlugin()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AIRTUNE_RESULTS_DIR", str(tmp_path))
    stored(tmp_path, "mine")
    stored(tmp_path, "foreign", run_id="secret/run-1")
    (registered,) = _plugin().fastapi_apps
    assert registered["url_prefix"] == "/airtune"
    return registered["app"]


@pytest.fixture
def log_in(app: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Make Airflow know a user who may read the runs of one DAG."""
    from airflow.api_fastapi.core_api import security
    from fastapi import HTTPException

    def log_in(readable: str) -> Any:
        def requires(method: str, entity: Any, param_dag_id: str) -> Callable[..., None]:
            def check(request: Any, user: Any) -> None:
                assert (method, entity.value, user) == ("GET", "RUN", "somebody")
                if param_dag_id != readable:
                    raise HTTPException(403, "Forbidden")

            return check

        monkeypatch.setattr(security, "requires_access_dag", requires)
        (registered,) = _plugin().fastapi_apps
        registered["app"].dependency_overrides[security.get_user] = lambda: "somebody"
        return registered["app"]

    return log_in


def test_loading_the_plugin_loads_nothing_of_the_page(tmp_path: Path) -> None:
    code = (
        "import sys, runpy, json, airflow.sdk\n"
        "import airflow.plugins_manager\n"
        "before = set(sys.modules)\n"
        "plugin = runpy.run_path(sys.argv[1])['AirtunePlugin']()\n"
        "plugin.validate(); plugin.on_load()\n"
        "print(json.dumps(sorted({n.partition('.')[0] for n in set(sys.modules) - before})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(PLUGIN)],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert HEAVY.isdisjoint(json.loads(done.stdout.splitlines()[-1]))


def test_the_folder_has_no_other_file() -> None:
    assert [path.name for path in PLUGIN.parent.glob("*.py")] == [PLUGIN.name]


@pytest.mark.parametrize("path", ["/", "/tasks/mine", "/tasks/unknown"])
def test_without_a_login_the_page_is_refused(app: Any, path: str) -> None:
    answer = Asking(app).get(path)
    assert answer.status_code == 401
    assert "exp3" not in answer.text


def test_no_route_is_without_airflows_login(app: Any) -> None:
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.routing import APIRoute

    assert len(app.routes) == 2
    for route in app.routes:
        assert isinstance(route, APIRoute)
        (permission,) = route.dependant.dependencies
        assert get_user in {one.call for one in permission.dependencies}, route.path


def test_a_user_sees_the_results_of_the_dags_that_airflow_lets_read(
    log_in: Callable[[str], Any],
) -> None:
    page = Asking(log_in("autotune_local"))
    assert "tasks/mine" in page.get("/").text
    assert "foreign" not in page.get("/").text
    assert page.get("/tasks/mine").status_code == 200
    assert page.get("/tasks/foreign").status_code == 404


def test_naming_a_dag_in_the_address_opens_nothing(log_in: Callable[[str], Any]) -> None:
    page = Asking(log_in("secret"))
    assert page.get("/tasks/mine", params={"dag_id": "secret"}).status_code == 404


@pytest.mark.parametrize(
    ("base_url", "href"),
    [("", "/airtune/"), ("http://host:8080", "/airtune/"), ("https://host/af/", "/af/airtune/")],
)
def test_the_menu_entry_follows_airflows_base_url(
    monkeypatch: pytest.MonkeyPatch, base_url: str, href: str
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    (entry,) = _plugin().external_views
    assert (entry["href"], entry["destination"]) == (href, "nav")
