from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.fake_airflow import FakeAirflow

from airtune.cli.api import Api, NotFound
from airtune.cli.login import Login, find_login
from airtune.cli.owner import RestOwnerProbe
from airtune.cli.task_state import TaskState
from airtune.errors import ApiError
from airtune.settings import Settings

RUN = "manual__2026-01-02T03:04:05+00:00"


def api_of(airflow: FakeAirflow, **login: str) -> Api:
    login = login or {"user": "admin", "password": "right"}
    return Api(Login(airflow.url, **login), patience_s=2.0)


def test_a_wrong_password_is_known_at_once(airflow: FakeAirflow) -> None:
    with pytest.raises(ApiError, match="refuses the login of 'admin'"):
        api_of(airflow, user="admin", password="wrong")


def test_a_bad_token_says_what_to_set(airflow: FakeAirflow) -> None:
    with pytest.raises(ApiError, match="AIRTUNE_API_TOKEN"):
        api_of(airflow, token="bad").active_runs("autotune_local")


def test_an_expired_token_is_renewed_where_there_is_a_password(airflow: FakeAirflow) -> None:
    api = api_of(airflow)
    airflow.refuse_token = "token1"
    assert api.active_runs("autotune_local") == []
    assert airflow.tokens == 2


def test_an_expired_token_of_the_user_is_reported(airflow: FakeAirflow) -> None:
    airflow.refuse_token = "given"
    with pytest.raises(ApiError, match="does not accept the token"):
        api_of(airflow, token="given").active_runs("autotune_local")


def test_a_read_survives_a_short_outage(airflow: FakeAirflow) -> None:
    api = api_of(airflow)
    airflow.outages = 1
    assert api.active_runs("autotune_local") == []


def test_a_trigger_is_not_repeated(airflow: FakeAirflow) -> None:
    api = api_of(airflow)
    airflow.outages = 1
    with pytest.raises(ApiError, match="503: starting"):
        api.trigger("autotune_local", {})
    assert airflow.confs == []


def test_a_trigger_sends_the_conf_and_returns_the_run(airflow: FakeAirflow) -> None:
    run_id = api_of(airflow).trigger("autotune_local", {"task": {"task_name": "x"}})
    assert run_id in airflow.runs
    assert airflow.confs == [{"task": {"task_name": "x"}}]


def test_an_unknown_dag_says_where_to_look(airflow: FakeAirflow) -> None:
    with pytest.raises(NotFound, match=r"no DAG 'autotune_ome'.*import error"):
        api_of(airflow).trigger("autotune_ome", {})


def test_tasks_are_read_over_all_pages(airflow: FakeAirflow) -> None:
    airflow.runs[RUN] = "running"
    airflow.moments = [{("slot.deploy", index): "success" for index in range(250)}]
    tasks = api_of(airflow).tasks("autotune_local", RUN)
    assert [task.map_index for task in tasks] == list(range(250))


def test_a_missing_xcom_is_none(airflow: FakeAirflow) -> None:
    airflow.runs[RUN] = "running"
    assert api_of(airflow).xcom("autotune_local", RUN, "reduce") is None


def test_the_message_of_a_failed_task_is_read_from_its_log(airflow: FakeAirflow) -> None:
    airflow.runs[RUN] = "failed"
    airflow.errors = {("plan", -1): "task: 1 problem\n  - model: is missing."}
    task = TaskState("plan", -1, "failed")
    found = api_of(airflow).error_of("autotune_local", RUN, task)
    assert found == "task: 1 problem\n  - model: is missing."


def test_a_url_of_the_ui_escapes_the_run_id(airflow: FakeAirflow) -> None:
    url = api_of(airflow).run_url("autotune_local", RUN)
    assert url == (
        f"{airflow.url}/dags/autotune_local/runs/manual__2026-01-02T03%3A04%3A05%2B00%3A00"
    )


def settings(home: Path) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(home)})


def test_without_an_airflow_the_message_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="make airflow"):
        find_login(None, settings(tmp_path), {})


def test_an_address_without_a_login_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="AIRTUNE_API_TOKEN, or AIRTUNE_API_USER"):
        find_login("http://airflow.example", settings(tmp_path), {})


@pytest.mark.parametrize("url", ["airflow.example:8080", "file:///etc/passwd"])
def test_what_is_no_http_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ApiError, match="is no address"):
        find_login(url, settings(tmp_path), {"AIRTUNE_API_TOKEN": "x"})


def test_a_token_wins_over_a_password_and_neither_is_shown(tmp_path: Path) -> None:
    env = {"AIRTUNE_API_TOKEN": "secret-token", "AIRTUNE_API_USER": "a"}
    login = find_login("http://airflow.example/", settings(tmp_path), env)
    assert login.new_token() == "secret-token"
    assert login.url == "http://airflow.example"
    assert "secret-token" not in repr(login)


@contextmanager
def probing(airflow: FakeAirflow, run_state: str, **states: str | None) -> Iterator[RestOwnerProbe]:
    airflow.runs[RUN] = run_state
    airflow.moments = [{(f"slot.{name}", 0): state for name, state in states.items()}]
    yield RestOwnerProbe(api_of(airflow))


@pytest.mark.parametrize(
    ("run_state", "states", "liveness"),
    [
        ("running", {"deploy": "running", "teardown": None}, "alive"),
        ("running", {"deploy": "success", "benchmark": None, "teardown": None}, "alive"),
        ("running", {"deploy": "failed", "teardown": "success"}, "dead"),
        ("running", {}, "alive"),
        ("queued", {"deploy": None}, "alive"),
        ("failed", {"deploy": "success", "teardown": "running"}, "alive"),
        ("failed", {"deploy": "success", "teardown": None}, "dead"),
        ("success", {"deploy": "success", "teardown": "success"}, "dead"),
    ],
)
def test_a_slot_is_dead_only_if_nothing_of_it_will_run(
    airflow: FakeAirflow, run_state: str, states: dict[str, str | None], liveness: str
) -> None:
    with probing(airflow, run_state, **states) as probe:
        assert probe(f"autotune_local/{RUN}", 0) == liveness


def test_the_owner_in_a_deleted_run_is_dead(airflow: FakeAirflow) -> None:
    assert RestOwnerProbe(api_of(airflow))("autotune_local/gone", 0) == "dead"


def test_the_owner_in_an_airflow_without_that_dag_is_unknown(airflow: FakeAirflow) -> None:
    assert RestOwnerProbe(api_of(airflow))("autotune_docker/gone", 0) == "unknown"


def test_without_an_airflow_every_owner_is_unknown() -> None:
    assert RestOwnerProbe(None)("autotune_local/x", 0) == "unknown"


def test_while_airflow_is_away_an_owner_is_unknown(airflow: FakeAirflow) -> None:
    probe = RestOwnerProbe(Api(Login(airflow.url, token="given"), patience_s=0.0))
    airflow.outages = 10
    assert probe(f"autotune_local/{RUN}", 0) == "unknown"
