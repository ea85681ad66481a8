from pathlib import Path

import pytest

from airtune.stack.environment import StackOptions, stack_environment
from airtune.stack.identity import Identity
from airtune.stack.migration import is_migrated, mark_migrated


@pytest.fixture
def options(tmp_path: Path) -> StackOptions:
    return StackOptions(dags_folder=tmp_path / "dags", plugins_folder=tmp_path / "plugins")


def test_options_of_another_airflow_are_dropped(tmp_path: Path, options: StackOptions) -> None:
    base = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor", "AIRFLOW_HOME": "/elsewhere", "PATH": "/x"}
    env = stack_environment(base, tmp_path, Identity.of(tmp_path), options)
    assert env["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert env["AIRFLOW_HOME"] == str(tmp_path)
    assert env["PATH"] == "/x"


def test_everything_airflow_writes_is_under_the_folder(
    tmp_path: Path, options: StackOptions
) -> None:
    env = stack_environment({}, tmp_path, Identity.of(tmp_path), options)
    for name in (
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    ):
        assert Path(env[name]).is_relative_to(tmp_path)
    assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{tmp_path}/airflow.db"


def test_the_api_server_listens_on_the_loopback_only(tmp_path: Path, options: StackOptions) -> None:
    identity = Identity.of(tmp_path)
    env = stack_environment({}, tmp_path, identity, options)
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert env["AIRFLOW__API__PORT"] == str(identity.port)


def test_a_proxy_of_the_user_is_kept_but_not_for_the_loopback(
    tmp_path: Path, options: StackOptions
) -> None:
    base = {"NO_PROXY": "corp.example", "HTTPS_PROXY": "http://proxy.example:3128"}
    env = stack_environment(base, tmp_path, Identity.of(tmp_path), options)
    assert env["NO_PROXY"] == "corp.example,127.0.0.1,localhost"
    assert env["HTTPS_PROXY"] == "http://proxy.example:3128"


def test_dead_tasks_are_looked_for_as_often_as_their_timeout(
    tmp_path: Path, options: StackOptions
) -> None:
    quick = StackOptions(options.dags_folder, options.plugins_folder, heartbeat_timeout_s=6)
    env = stack_environment({}, tmp_path, Identity.of(tmp_path), quick)
    assert env["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"] == "6"
    assert env["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL"] == "6"


def test_a_database_is_migrated_once(tmp_path: Path, options: StackOptions) -> None:
    assert not is_migrated(tmp_path, options)
    (tmp_path / "airflow.db").touch()
    mark_migrated(tmp_path, options)
    assert is_migrated(tmp_path, options)
    (tmp_path / "airflow.db").unlink()
    assert not is_migrated(tmp_path, options)


def test_another_database_is_migrated_again_and_its_password_is_not_written(
    tmp_path: Path, options: StackOptions
) -> None:
    (tmp_path / "airflow.db").touch()
    mark_migrated(tmp_path, options)
    url = "postgresql+psycopg2://airflow:hidden@localhost/airflow"
    other = StackOptions(options.dags_folder, options.plugins_folder, database_url=url)
    assert not is_migrated(tmp_path, other)
    mark_migrated(tmp_path, other)
    assert is_migrated(tmp_path, other)
    assert "hidden" not in (tmp_path / "migrated.txt").read_text()
