"""One real Airflow for the whole module; the tests run in the order of this file."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from airtune.errors import StackError
from airtune.processes.table import process_of
from airtune.stack.handle import StackHandle, running_stack
from airtune.stack.health import fetch_token, open_client
from airtune.stack.stack import Stack

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(240)]

DAG = """
from airflow.sdk import dag, task

@dag(dag_id="{name}", schedule=None, is_paused_upon_creation=False)
def trivial():
    @task
    def answer() -> int:
        return 42

    answer()

trivial()
"""


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dags")
    (folder / "first.py").write_text(DAG.format(name="first"))
    return folder


@pytest.fixture(scope="module")
def stack(dags: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(
        tmp_path_factory.mktemp("stack"),
        dags_folder=dags,
        plugins_folder=tmp_path_factory.mktemp("plugins"),
        settings={"AIRTUNE_DEVICES": "fake0..1"},
    )
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def handle(stack: Stack) -> StackHandle:
    return stack.start()


def run_to_the_end(handle: StackHandle, dag_id: str) -> str:
    headers = {"Authorization": f"Bearer {fetch_token(handle.url, handle.user, handle.password)}"}
    path = f"/api/v2/dags/{dag_id}/dagRuns"
    with open_client(handle.url) as client:
        run = client.post(path, json={"logical_date": None}, headers=headers).json()["dag_run_id"]
        for _ in range(300):
            state: str = client.get(f"{path}/{run}", headers=headers).json()["state"]
            if state in {"success", "failed"}:
                return state
            time.sleep(0.1)
    return state


def living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if process_of(pid)]


def test_a_run_succeeds_under_the_local_executor(stack: Stack, handle: StackHandle) -> None:
    stack.wait_for_dag("first")
    assert run_to_the_end(handle, "first") == "success"


def test_a_dag_file_dropped_later_is_found_in_seconds(
    stack: Stack, handle: StackHandle, dags: Path
) -> None:
    (dags / "second.py").write_text(DAG.format(name="second"))
    stack.wait_for_dag("second", timeout_s=20)
    assert run_to_the_end(handle, "second") == "success"


def test_a_missing_dag_is_reported_with_its_import_error(
    stack: Stack, handle: StackHandle, dags: Path
) -> None:
    (dags / "broken.py").write_text("from airflow.sdk import dag\nraise ValueError('on purpose')\n")
    with pytest.raises(StackError, match="on purpose"):
        stack.wait_for_dag("broken", timeout_s=8)
    (dags / "broken.py").unlink()


def test_nothing_listens_but_the_api_server_on_the_loopback(
    stack: Stack, handle: StackHandle
) -> None:
    listening = [
        (connection.laddr.ip, connection.laddr.port)
        for pid in stack.pids
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [("127.0.0.1", int(handle.url.rpartition(":")[2]))]


def test_the_password_is_in_no_file_but_those_for_the_owner(
    stack: Stack, handle: StackHandle
) -> None:
    found = {
        path.name: path.stat().st_mode & 0o777
        for path in stack.folder.rglob("*")
        if path.is_file() and handle.password.encode() in path.read_bytes()
    }
    assert found == dict.fromkeys(("identity.json", "passwords.json", "stack.json"), 0o600)


def test_a_second_stack_in_the_folder_is_refused_and_the_first_lives_on(
    stack: Stack, handle: StackHandle, dags: Path
) -> None:
    with pytest.raises(StackError, match="already runs"):
        Stack(stack.folder, dags_folder=dags).start()
    stack.check()
    assert running_stack(stack.folder) == handle


def test_a_killed_stack_starts_again_on_the_same_database_and_port(
    stack: Stack, handle: StackHandle
) -> None:
    pids = stack.pids
    stack.kill9()
    assert living(pids) == []
    with pytest.raises(StackError):
        stack.check()
    assert stack.restart() == handle
    assert run_to_the_end(handle, "first") == "success"


def test_the_stack_ends_as_a_whole_when_one_component_dies(
    stack: Stack, handle: StackHandle
) -> None:
    pids = stack.pids
    scheduler = next(pid for pid in pids if "scheduler" in " ".join(psutil.Process(pid).cmdline()))
    os.kill(scheduler, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while living(pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert living(pids) == []
    with pytest.raises(StackError, match="scheduler ended with exit code -9"):
        stack.check()
    assert running_stack(stack.folder) is None
