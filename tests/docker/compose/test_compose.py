"""The whole stack of docker-compose.yaml on a real engine, with PostgreSQL."""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from airtune.stack.health import fetch_token, open_client
from airtune.testing.airflow_api import AirflowApi
from airtune.testing.compose_binary import compose_binary
from airtune.testing.compose_stack import PROJECT, ComposeStack, compose_stack
from airtune.testing.docker_images import HOST, build, connected

pytestmark = [
    pytest.mark.docker,
    pytest.mark.airflow,
    pytest.mark.compose,
    pytest.mark.timeout(900),
]

EXAMPLE = PROJECT / "examples" / "docker_llamacpp.json"
HOSTS = '{"gpu7": {"url": "unix:///run/docker.sock", "devices": "gpu0..7", "queue": "gpu7"}}'

Make = Callable[..., ComposeStack]


@pytest.fixture(scope="module")
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Make a project that is not started yet; each is removed at the end."""
    images = {
        "AIRTUNE_IMAGE": build("airtune/airtune:latest"),
        "POSTGRES_IMAGE": build("airtune-test/postgres:15"),
        "AIRTUNE_STACK_CPUS": "",
        "AIRTUNE_DEVICES": "cpu1",
    }
    binary, host = compose_binary(), os.environ[HOST]
    with ExitStack() as stacks:

        def make(**values: str) -> ComposeStack:
            folder = tmp_path_factory.mktemp("compose")
            name = f"airtune-test-{secrets.token_hex(3)}"
            made = compose_stack(folder, name, binary=binary, host=host, values=images | values)
            return stacks.enter_context(made)

        yield make


@pytest.fixture(scope="module")
def stack(make_stack: Make) -> ComposeStack:
    """The stack that most tests share, up and healthy."""
    made = make_stack()
    made.up()
    return made


def test_the_stack_comes_up_healthy_and_knows_the_docker_dag(stack: ComposeStack) -> None:
    assert stack.states() == {
        "check": "exited",
        "init": "exited",
        **dict.fromkeys(
            ["api-server", "dag-processor", "postgres", "scheduler", "triggerer"], "running"
        ),
    }
    handle = stack.handle
    token = fetch_token(handle.url, handle.user, handle.password)
    with open_client(handle.url) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/api/v2/importErrors").json()["import_errors"] == []
        assert client.get("/api/v2/dags/autotune_docker").status_code == httpx.codes.OK
        assert client.get("/airtune/").status_code == httpx.codes.OK


def test_no_service_runs_as_root_or_publishes_a_port_to_the_network(stack: ComposeStack) -> None:
    with connected() as client:
        mine = {"label": f"com.docker.compose.project={stack.name}"}
        for one in client.containers(filters=mine):
            for port in one["Ports"]:
                assert port.get("IP", "127.0.0.1") == "127.0.0.1", one["Names"]
            if "postgres" not in one["Names"][0]:
                user = client.inspect_container(one["Id"])["Config"]["User"]
                assert user not in {"", "0", "root"}


def test_a_task_reaches_a_verdict_with_the_engine_as_a_sibling_container(
    stack: ComposeStack,
) -> None:
    build("airtune/llama-cpp:latest")
    # The shipped example with one trial beside the baseline.
    task = json.loads(EXAMPLE.read_text()) | {"parameters": {"parallel": [2]}, "linked": []}
    api = AirflowApi(stack.handle, dag_id="autotune_docker")
    try:
        api.trigger({"task": task}, "compose")
        seen = api.until(lambda: _servers(stack), 240, "an engine's container")
        assert api.wait("compose", timeout_s=600) == "success", _log(api)
        verdict = api.result("compose")
    finally:
        api.close()
    assert seen == {f"{stack.name}-engines"}
    assert verdict["best"]
    results = stack.folder / "results" / f"{task['task_name']}_results.json"
    assert '"succeeded"' in results.read_text()
    assert list((stack.folder / "benchmark_results").rglob("*.json"))
    assert not _servers(stack)


def test_a_default_secret_stops_everything_before_it_starts(make_stack: Make) -> None:
    stack = make_stack(POSTGRES_PASSWORD="airflow")
    with pytest.raises(RuntimeError, match="POSTGRES_PASSWORD is a default or too weak"):
        stack.up()
    states = stack.states()
    assert states.pop("check") == "exited"
    assert set(states.values()) == {"created"}


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "AIRFLOW_JWT_SECRET", "DOCKER_GID"])
def test_compose_itself_refuses_a_missing_value(make_stack: Make, name: str) -> None:
    done = make_stack().run("config", "--quiet")
    assert done.returncode == 0, done.stderr
    stack = make_stack(**{name: ""})
    done = stack.run("config", "--quiet")
    assert done.returncode != 0
    assert name in done.stderr
    _give(stack, name, "0" * 20)  # else not even `down` can read the file


def test_the_celery_profile_adds_a_broker_and_a_worker_with_its_queue(make_stack: Make) -> None:
    stack = make_stack(
        AIRTUNE_QUEUE="default,gpu7",
        AIRTUNE_EXECUTOR="CeleryExecutor",
        AIRTUNE_DOCKER_HOSTS=f"'{HOSTS}'",
        BROKER_IMAGE="broker:of-mine",
    )
    plain = stack.run("config", "--services").stdout.split()
    done = stack.run("--profile", "celery", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    services = stack.run("--profile", "celery", "config", "--services").stdout.split()
    assert set(services) - set(plain) == {"broker", "worker"}
    full = json.loads(done.stdout)["services"]
    assert full["worker"]["command"][-2:] == ["--queues", "default,gpu7"]
    assert full["broker"]["image"] == "broker:of-mine"
    for name in ("api-server", "scheduler", "worker"):
        assert full[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
        assert full[name]["environment"]["AIRTUNE_DOCKER_HOSTS"] == HOSTS


def test_down_leaves_nothing(stack: ComposeStack) -> None:
    """Last in this file: the others use the stack."""
    assert stack.left()
    stack.down()
    assert stack.left() == []


def _servers(stack: ComposeStack) -> set[str]:
    """Networks of the engines' containers that run for this stack."""
    label = f"airtune/installation={stack.values['AIRTUNE_INSTALLATION']}"
    with connected() as client:
        found = client.containers(filters={"label": [label, "airtune/role=server"]})
    return {name for one in found for name in one["NetworkSettings"]["Networks"]}


def _log(api: AirflowApi) -> str:
    failed = [one for one in api.tasks("compose") if one["state"] == "failed"]
    return "\n".join(
        api.log("compose", one["task_id"], one["map_index"], one["try_number"])[-3000:]
        for one in failed
    )


def _give(stack: ComposeStack, name: str, value: str) -> None:
    with (Path(stack.folder) / ".env").open("a") as file:
        file.write(f"{name}={value}\n")
