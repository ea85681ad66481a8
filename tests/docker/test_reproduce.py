"""What the results say about starting a trial by hand is true: it is run, by a shell."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from docker import APIClient
from tests.launchers.docker.orders import IMAGE, order
from tests.results.docker_samples import a_docker_task, a_docker_trial

from airtune.engines import get_engine
from airtune.launchers.docker.connect import connect
from airtune.launchers.docker.launcher import DockerLauncher
from airtune.launchers.probe import Readiness
from airtune.records import Device, Trial
from airtune.results.reproduce import reproduce_script
from airtune.results.start_command import start_command
from airtune.settings import DockerHost, Settings
from airtune.study.servers import Servers, model_path
from airtune.task import Task
from airtune.testing.docker_images import HOST, build

pytestmark = pytest.mark.docker

CORE = Device(name="cpu0", kind="cpu", indexes=(0,))
ASK = """\
import pathlib, sys, urllib.request
flag = lambda name: sys.argv[sys.argv.index(name) + 1]
out = pathlib.Path(flag("--experiment-base-dir"), flag("--experiment-folder-name"))
out.write_bytes(urllib.request.urlopen(flag("--api-base") + "/v1/models").read())
"""
"""Stands for genai-bench: asks the server for its models and writes the answer down."""

FLAGS = ("--api-base", "http://old:1", "--experiment-base-dir", "/old", "--experiment-folder-name")


@pytest.fixture(scope="module")
def host() -> DockerHost:
    build("airtune-test/fake-sglang")
    return DockerHost(url=os.environ[HOST])


@pytest.fixture
def client(host: DockerHost) -> Iterator[APIClient]:
    with connect(host) as connected:
        yield connected


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "a model").mkdir()
    return Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": uuid.uuid4().hex[:8],
            "AIRTUNE_DOCKER_HOST": os.environ[HOST],
        }
    )


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return a_docker_task(
        task_name=f"by-hand-{uuid.uuid4().hex[:8]}",
        image="airtune-test/fake-sglang",
        image_tag="latest",
        model={"name": "a model", "root": str(tmp_path)},
        env={"FAKE_ENGINE": '{"ttft_ms": 1, "tpot_ms": 0}', "NOTE": "it's $HOME"},
        container={"shm_size": "96m", "memory": "1g"},
    )


@pytest.fixture
def inspected(
    client: APIClient, host: DockerHost, settings: Settings, task: Task, tmp_path: Path
) -> dict[str, Any]:
    """The container of a trial as the launcher has made it; it is gone again."""
    servers = Servers(task, get_engine(task.engine), {}, model_path(task, settings))
    made = order(
        tmp_path,
        servers.server({"chunked-prefill-size": 64}),
        model=task.model,
        container=task.container,
        devices=(CORE,),
        readiness=Readiness(model_name="SmolLM2", prompt_tokens=10, max_tokens=3),
        run=f"dag/{task.task_name}",
    )
    launcher = DockerLauncher(client, host, settings)
    try:
        endpoint = launcher.ensure(made, 20.0)
        found: dict[str, Any] = client.inspect_container(endpoint.handle["container"])
    finally:
        launcher.remove(made.run, made.slot, made.attempt)
    return found


@pytest.fixture
def trial(inspected: dict[str, Any]) -> Trial:
    argv = (inspected["Path"], *inspected["Args"])
    return a_docker_trial(argv=argv, devices=(CORE.name,), identity={})


def _shell(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"DOCKER_HOST": os.environ[HOST]} | env
    return subprocess.run(
        ["sh", "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_launch_command_starts_the_container_that_was_measured(
    client: APIClient, settings: Settings, task: Task, trial: Trial, inspected: dict[str, Any]
) -> None:
    port = _free_port()
    command = start_command(trial, task, settings)
    assert command is not None
    started = _shell(command.replace("127.0.0.1:8000:8000", f"127.0.0.1:{port}:8000"))
    assert started.returncode == 0, started.stderr
    name = f"{task.task_name}-exp3"
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/health")
        by_hand = client.inspect_container(name)
    finally:
        client.remove_container(name, force=True, v=True)
    for what in ("Path", "Args"):
        assert by_hand[what] == inspected[what]
    for limit in ("ShmSize", "Memory", "MemorySwap", "CpusetCpus", "Init", "DeviceRequests"):
        assert by_hand["HostConfig"][limit] == inspected["HostConfig"][limit], limit
    assert set(f"{k}={v}" for k, v in task.env.items()) <= set(by_hand["Config"]["Env"])
    assert _mount(by_hand) == _mount(inspected)
    assert by_hand["Config"]["Image"] == inspected["Config"]["Image"]


@pytest.mark.parametrize(
    "asking",
    [
        (sys.executable, "-c", ASK, *FLAGS, "x"),
        (
            *("docker", "run", "--rm", "--network", "old", "--user", "x", "--volume", "x"),
            *("--entrypoint", "python3", IMAGE, "-c", ASK, *FLAGS, "x"),
        ),
    ],
    ids=["cli", "container"],
)
def test_the_script_measures_the_trial_again_and_leaves_nothing(
    client: APIClient,
    settings: Settings,
    task: Task,
    trial: Trial,
    tmp_path: Path,
    asking: tuple[str, ...],
) -> None:
    script = reproduce_script(trial, task, [asking, asking], settings)
    done = _shell(script, AIRTUNE_SERVER_PORT=str(_free_port()), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    (out,) = tmp_path.glob("airtune-reproduce.*")
    assert sorted(file.name for file in out.iterdir()) == ["point-0", "point-1"]
    assert all('"SmolLM2"' in file.read_text() for file in out.iterdir())
    assert not client.containers(all=True, filters={"name": "airtune-exp3-"})
    assert not client.networks(names=["airtune-exp3-"])


def test_the_script_tells_why_a_server_did_not_start(
    client: APIClient, settings: Settings, task: Task, trial: Trial
) -> None:
    broken = trial.model_copy(update={"argv": ("python3", "-c", "raise SystemExit('bad flag')")})
    done = _shell(
        reproduce_script(broken, task, [], settings), AIRTUNE_SERVER_PORT=str(_free_port())
    )
    assert done.returncode == 1
    assert "bad flag" in done.stderr
    assert "the server ended before it was ready" in done.stderr
    assert not client.containers(all=True, filters={"name": "airtune-exp3-"})


def _wait_until_healthy(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.1)


def _mount(inspected: dict[str, Any]) -> tuple[str, bool]:
    """Source of ``/model``, and whether it can be written."""
    (found,) = (one for one in inspected["Mounts"] if one["Destination"] == "/model")
    return found["Source"], found["RW"]
