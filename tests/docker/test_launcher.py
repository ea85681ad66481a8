"""The Docker launcher on a real engine, with the fake SGLang as image."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from docker import APIClient
from docker.errors import NotFound
from tests.launchers.docker.orders import CPU, GPUS, IMAGE, order, server, values_after

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker.connect import connect
from airtune.launchers.docker.handle import Handle
from airtune.launchers.docker.launcher import DockerLauncher
from airtune.launchers.docker.orphans import owners
from airtune.launchers.docker.server import Start
from airtune.launchers.docker.spec import container_spec
from airtune.launchers.launcher import Order, StillStarting
from airtune.records import FailureClass
from airtune.settings import DockerHost, Settings
from airtune.task.container import ContainerOptions
from airtune.task.model import Model
from airtune.testing.docker_disposable import Disposable
from airtune.testing.fake_registry import fake_registry

pytestmark = pytest.mark.docker

RUN = "dag/run"


@pytest.fixture(scope="module")
def host(docker_host: str, images: Callable[[str], str]) -> DockerHost:
    """The engine for tests, with the image in it."""
    images(IMAGE)
    return DockerHost(url=docker_host)


@pytest.fixture(scope="module")
def client(host: DockerHost) -> Iterator[APIClient]:
    with connect(host) as connected:
        yield connected


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": uuid4().hex[:8],
            "AIRTUNE_MODEL_ROOT": str(tmp_path / "models"),
        }
    )


@pytest.fixture
def launcher(client: APIClient, host: DockerHost, settings: Settings) -> Iterator[DockerLauncher]:
    """A launcher of an installation of its own; whatever the test starts with it is removed."""
    yield DockerLauncher(client, host, settings)
    for made in _ours(client.containers, settings, all=True):
        client.remove_container(made["Id"], v=True, force=True)
    for made in _ours(client.networks, settings):
        client.remove_network(made["Id"])


def _ours(listing: Callable[..., Any], settings: Settings, **options: Any) -> list[dict[str, Any]]:
    label = f"{names.INSTALLATION}={settings.installation}"
    return list(listing(filters={"label": [label]}, **options))


def _of(endpoint: Any, client: APIClient) -> dict[str, Any]:
    inspected: dict[str, Any] = client.inspect_container(Handle.of(endpoint).container)
    return inspected


def _failure(launcher: DockerLauncher, wanted: Order) -> tuple[FailureClass, str, float]:
    began = time.monotonic()
    with pytest.raises(TrialFailed) as caught:
        launcher.ensure(wanted, 30.0)
    failure = caught.value.failure
    return failure.failure_class, failure.reason, time.monotonic() - began


def test_a_started_server_is_ready_and_found_as_ordered(
    launcher: DockerLauncher, client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "models" / "m" / "config.json").write_text("{}")
    wanted = order(
        tmp_path,
        server("--tp-size", "2"),
        model=Model(name="m"),
        devices=CPU,
        container=ContainerOptions(shm_size="32m", memory="256m", ulimits={"nofile": 4096}),
    )
    launcher.prepare(wanted)
    endpoint = launcher.ensure(wanted, 30.0)
    assert launcher.responds(endpoint)
    assert launcher.died(endpoint) is None
    assert launcher.poll(endpoint, wanted.readiness, 5.0) is None

    inspected = _of(endpoint, client)
    assert inspected["Config"]["Cmd"] == [
        "-m",
        "sglang.launch_server",
        *wanted.server.at_port(8000)[3:],
    ]
    assert launcher.argv(endpoint) == wanted.server.at_port(8000)
    assert (
        inspected["Config"]["Labels"].items()
        >= {
            names.INSTALLATION: settings.installation,
            names.ROLE: "server",
            names.RUN_ID: RUN,
            names.SLOT: "0",
            names.ATTEMPT: "1",
            names.TRIAL: "7",
        }.items()
    )
    limits = inspected["HostConfig"]
    assert limits["CpusetCpus"] == "0-1"
    assert (limits["Memory"], limits["MemorySwap"]) == (2**28, 2**28)
    assert limits["ShmSize"] == 2**25
    assert limits["RestartPolicy"]["Name"] == "no"
    assert limits["Ulimits"] == [{"Name": "nofile", "Hard": 4096, "Soft": 4096}]
    mounts = {mount["Destination"]: mount for mount in inspected["Mounts"]}
    assert mounts["/model"]["Source"] == str(tmp_path / "models" / "m")
    assert mounts["/model"]["RW"] is False
    assert mounts["/root/.cache"]["Name"].startswith("airtune-cache-")
    assert not any(word.startswith("CUDA_VISIBLE") for word in inspected["Config"]["Env"])
    [published] = inspected["NetworkSettings"]["Ports"]["8000/tcp"]
    assert published["HostIp"] == "127.0.0.1"
    assert endpoint.base_url == f"http://127.0.0.1:{published['HostPort']}"
    assert (
        launcher.identity(endpoint).items()
        >= {
            "image": IMAGE,
            "image_digest": client.inspect_image(IMAGE)["Id"],
            "container": inspected["Id"],
        }.items()
    )


def test_a_gpu_engine_asks_for_the_leased_gpus_and_is_refused_in_seconds_without_any(
    launcher: DockerLauncher,
    client: APIClient,
    host: DockerHost,
    settings: Settings,
    tmp_path: Path,
) -> None:
    wanted = order(tmp_path, devices=GPUS)
    spec = container_spec(wanted, host, settings, digest=client.inspect_image(IMAGE)["Id"])
    created = client.inspect_container(Start(client, host, settings, wanted, spec).create())
    [request] = created["HostConfig"]["DeviceRequests"]
    assert (request["DeviceIDs"], request["Capabilities"]) == (["0", "1"], [["gpu"]])
    assert created["State"]["Status"] == "created"
    assert {limit["Name"] for limit in created["HostConfig"]["Ulimits"]} == {"memlock", "stack"}

    failure_class, reason, took = _failure(launcher, wanted)
    assert failure_class is FailureClass.INFRASTRUCTURE
    assert "NVIDIA Container Toolkit" in reason
    assert took < 5.0


def test_a_later_attempt_adopts_the_running_server(
    launcher: DockerLauncher, tmp_path: Path
) -> None:
    first = launcher.ensure(order(tmp_path), 30.0)
    again = launcher.ensure(order(tmp_path, attempt=3), 30.0)
    assert again == first


def test_a_server_of_other_arguments_is_replaced(
    launcher: DockerLauncher, client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    first = launcher.ensure(order(tmp_path), 30.0)
    second = launcher.ensure(order(tmp_path, server("--tp-size", "4"), attempt=2), 30.0)
    assert values_after(launcher.argv(second), "--tp-size") == "4"
    with pytest.raises(NotFound):
        _of(first, client)
    assert len(_ours(client.networks, settings)) == 1


def test_a_slow_start_is_handed_on_and_taken_up_again(
    launcher: DockerLauncher, tmp_path: Path
) -> None:
    heard: list[str] = []
    wanted = order(tmp_path, server(start_s=2, log="loading"), say=heard.append)
    with pytest.raises(StillStarting) as caught:
        launcher.ensure(wanted, 0.5)
    assert caught.value.deadline == pytest.approx(time.time() + wanted.start_limit_s, abs=3)
    endpoint = launcher.ensure(wanted, 10.0, caught.value.endpoint)
    assert endpoint == caught.value.endpoint
    assert "loading" in heard
    assert "listens on port 8000" in wanted.log.read_text()


def test_an_expected_server_that_died_is_the_trials_failure_and_no_other_is_started(
    launcher: DockerLauncher, client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    wanted = order(tmp_path, server(never_ready=True))
    with pytest.raises(StillStarting) as caught:
        launcher.ensure(wanted, 0.3)
    client.kill(Handle.of(caught.value.endpoint).container)
    with pytest.raises(TrialFailed) as failed:
        launcher.ensure(wanted, 10.0, caught.value.endpoint)
    assert failed.value.failure.failure_class is FailureClass.STARTUP_CRASH
    assert len(_ours(client.containers, settings, all=True)) == 1


def test_never_ready_is_a_startup_timeout(launcher: DockerLauncher, tmp_path: Path) -> None:
    wanted = order(tmp_path, server(never_ready=True), start_limit_s=4.0)
    failure_class, reason, _ = _failure(launcher, wanted)
    assert failure_class is FailureClass.STARTUP_TIMEOUT
    assert "/health says HTTP 503" in reason


def test_a_crash_at_start_is_seen_in_seconds_with_its_log(
    launcher: DockerLauncher, tmp_path: Path
) -> None:
    wanted = order(tmp_path, server(exit_at_start=3, log="Error: a spring is broken"))
    failure_class, reason, took = _failure(launcher, wanted)
    assert failure_class is FailureClass.STARTUP_CRASH
    assert took < 3.0
    assert "exit code 3" in reason
    assert "a spring is broken" in wanted.log.read_text()


def test_a_bad_flag_is_an_invalid_configuration(launcher: DockerLauncher, tmp_path: Path) -> None:
    text = "launch_server.py: error: unrecognized arguments: --tp-sise 2"
    wanted = order(tmp_path, server(exit_at_start=2, log=text))
    assert _failure(launcher, wanted)[0] is FailureClass.INVALID_CONFIG


def test_an_oom_kill_at_the_memory_limit_is_seen_in_seconds(
    launcher: DockerLauncher, tmp_path: Path
) -> None:
    eater = server().model_copy(
        update={"program": ("python3", "-c", "x = [b'x' * 10**6 for _ in range(10**4)]")}
    )
    wanted = order(tmp_path, eater, container=ContainerOptions(shm_size="1m", memory="64m"))
    failure_class, reason, took = _failure(launcher, wanted)
    assert failure_class is FailureClass.OOM
    assert "64 MiB" in reason
    assert took < 5.0


def test_a_missing_image_is_refused_in_seconds(launcher: DockerLauncher, tmp_path: Path) -> None:
    with fake_registry("missing") as registry:
        wanted = order(tmp_path, server(image=registry.image()))
        with pytest.raises(TrialFailed, match="manifest unknown") as caught:
            launcher.prepare(wanted)
    assert caught.value.failure.failure_class is FailureClass.IMAGE


def test_a_registry_that_says_nothing_ends_the_pull_at_its_limit(
    launcher: DockerLauncher, tmp_path: Path
) -> None:
    with fake_registry("silent") as registry:
        wanted = order(tmp_path, server(image=registry.image()), pull_limit_s=1.0)
        with pytest.raises(TrialFailed, match="not pulled within 1 s"):
            launcher.prepare(wanted)
    # The registry is gone, so the engine gives up; before that the SDK's socket is in use.
    for thread in threading.enumerate():
        if thread.name.startswith("pull "):
            thread.join(60)
            assert not thread.is_alive()


def test_a_registry_that_is_not_there_is_infrastructure(
    launcher: DockerLauncher, tmp_path: Path
) -> None:
    wanted = order(tmp_path, server(image="127.0.0.1:1/x/y:1"))
    with pytest.raises(TrialFailed, match="connection refused") as caught:
        launcher.prepare(wanted)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_missing_program_is_the_images_fault(launcher: DockerLauncher, tmp_path: Path) -> None:
    wanted = order(tmp_path, server().model_copy(update={"program": ("no-such-engine",)}))
    failure_class, reason, _ = _failure(launcher, wanted)
    assert failure_class is FailureClass.IMAGE
    assert "no-such-engine" in reason


def test_a_missing_model_folder_is_named(launcher: DockerLauncher, tmp_path: Path) -> None:
    failure_class, reason, took = _failure(launcher, order(tmp_path, model=Model(name="none")))
    assert failure_class is FailureClass.INVALID_CONFIG
    assert str(tmp_path / "models" / "none") in reason
    assert took < 3.0


def test_a_foreign_container_of_the_name_is_left_alone(
    launcher: DockerLauncher, client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    name = names.object_name(settings.installation, RUN, 0, "server")
    foreign = client.create_container(IMAGE, name=name)["Id"]
    try:
        failure_class, reason, _ = _failure(launcher, order(tmp_path))
        assert failure_class is FailureClass.INFRASTRUCTURE
        assert name in reason
        assert client.inspect_container(foreign)["Name"] == f"/{name}"
    finally:
        client.remove_container(foreign)


def test_a_fenced_attempt_starts_nothing_and_leaves_nothing(
    launcher: DockerLauncher, client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    answers = iter([True, True, False])  # a newer attempt enters while the container starts
    failure_class, _, _ = _failure(launcher, order(tmp_path, is_current=lambda: next(answers)))
    assert failure_class is FailureClass.CANCELLED
    assert _ours(client.containers, settings, all=True) == []
    assert _ours(client.networks, settings) == []


def test_removal_leaves_nothing_saves_the_log_and_touches_nothing_foreign(
    launcher: DockerLauncher,
    client: APIClient,
    host: DockerHost,
    settings: Settings,
    tmp_path: Path,
) -> None:
    bare = client.create_container(IMAGE, command=["--port", "1"])["Id"]
    other = DockerLauncher(client, host, replace(settings, installation=uuid4().hex[:8]))
    theirs = other.ensure(order(tmp_path / "other"), 30.0)
    try:
        wanted = order(tmp_path, server(log="first words"))
        launcher.ensure(wanted, 30.0)
        launcher.ensure(replace(wanted, slot=1), 30.0)
        wanted.log.unlink()
        assert owners(client, settings.installation) == {(RUN, 0, 1), (RUN, 1, 1)}
        assert launcher.remove(RUN, 0, 0) == 0  # an older attempt
        assert launcher.remove(RUN, 0, 2) == 1
        assert launcher.remove(RUN, 0, 2) == 0
        assert "first words" in wanted.log.read_text()
        assert owners(client, settings.installation) == {(RUN, 1, 1)}
        assert launcher.remove(RUN, 1, 1) == 1
        assert _ours(client.containers, settings, all=True) == []
        assert _ours(client.networks, settings) == []
        assert other.responds(theirs)
        assert client.inspect_container(bare)["State"]["Status"] == "created"
    finally:
        client.remove_container(bare)
        assert other.remove(RUN, 0, 9) == 1


def test_a_client_of_an_earlier_attempt_is_ended_first(
    launcher: DockerLauncher, client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    launcher.ensure(order(tmp_path), 30.0)
    labels = names.labels_of(settings.installation, RUN, 0, 1, "client")
    made = client.create_container(IMAGE, entrypoint=["sleep"], command=["99"], labels=labels)
    client.start(made["Id"])
    launcher.ensure(order(tmp_path), 30.0)
    assert client.inspect_container(made["Id"])["State"]["Running"]
    launcher.ensure(order(tmp_path, attempt=2), 30.0)
    with pytest.raises(NotFound):
        client.inspect_container(made["Id"])


def test_a_server_that_dies_or_is_removed_is_told_apart(
    launcher: DockerLauncher, client: APIClient, tmp_path: Path
) -> None:
    endpoint = launcher.ensure(order(tmp_path), 30.0)
    client.kill(Handle.of(endpoint).container)
    died = launcher.died(endpoint)
    assert died is not None
    assert died.failure_class is FailureClass.UNHEALTHY
    assert "SIGKILL" in died.reason
    assert not launcher.responds(endpoint)
    client.remove_container(Handle.of(endpoint).container, v=True)
    gone = launcher.died(endpoint)
    assert gone is not None
    assert gone.failure_class is FailureClass.INFRASTRUCTURE


def test_a_worker_in_a_container_reaches_the_server_by_its_name(
    client: APIClient,
    host: DockerHost,
    settings: Settings,
    launcher: DockerLauncher,
    tmp_path: Path,
) -> None:
    network = f"airtune-test-{uuid4().hex[:8]}"
    client.create_network(network, labels={names.INSTALLATION: settings.installation})
    inside = DockerLauncher(client, replace(host, network=network), settings)
    with pytest.raises(StillStarting) as caught:
        # This test runs outside of that network, so it cannot see the server become ready.
        inside.ensure(order(tmp_path), 0.2)
    endpoint = caught.value.endpoint
    name = names.object_name(settings.installation, RUN, 0, "server")
    assert endpoint.base_url == endpoint.handle["inside_url"] == f"http://{name}:8000"
    assert not _of(endpoint, client)["HostConfig"]["PortBindings"]

    code = (
        "import sys, time, urllib.request\n"
        "for _ in range(50):\n"
        "    try:\n"
        "        sys.exit(urllib.request.urlopen(sys.argv[1]).status != 200)\n"
        "    except OSError:\n"
        "        time.sleep(0.1)\n"
        "sys.exit(9)\n"
    )
    asker = client.create_container(
        IMAGE,
        entrypoint=["python3"],
        command=["-c", code, f"{endpoint.base_url}/health"],
        host_config=client.create_host_config(network_mode=network),
    )["Id"]
    try:
        client.start(asker)
        assert client.wait(asker)["StatusCode"] == 0
    finally:
        client.remove_container(asker, force=True)
    assert inside.remove(RUN, 0, 1) == 1
    assert [found["Name"] for found in _ours(client.networks, settings)] == [network]


def test_the_server_of_the_slots_network_answers_by_its_name_too(
    launcher: DockerLauncher, client: APIClient, tmp_path: Path
) -> None:
    endpoint = launcher.ensure(order(tmp_path), 30.0)
    handle = Handle.of(endpoint)
    assert httpx.get(f"{endpoint.base_url}/health", trust_env=False).status_code == 200
    assert list(_of(endpoint, client)["NetworkSettings"]["Networks"]) == [handle.network]
    assert handle.inside_url == f"http://{handle.name}:8000"


def test_an_unknown_network_names_its_setting(
    client: APIClient,
    host: DockerHost,
    settings: Settings,
    launcher: DockerLauncher,
    tmp_path: Path,
) -> None:
    elsewhere = DockerLauncher(client, replace(host, network="airtune-none"), settings)
    failure_class, reason, _ = _failure(elsewhere, order(tmp_path))
    assert failure_class is FailureClass.INFRASTRUCTURE
    assert "AIRTUNE_DOCKER_NETWORK" in reason


@pytest.mark.disposable
@pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
def test_an_engine_that_starts_again_is_infrastructure_and_a_retry_brings_the_server_back(
    disposable_engine: Disposable, launcher: DockerLauncher, tmp_path: Path, crash: bool
) -> None:
    endpoint = launcher.ensure(order(tmp_path), 30.0)
    if crash:
        disposable_engine.kill()
        down = launcher.died(endpoint)
        assert down is not None
        assert down.failure_class is FailureClass.INFRASTRUCTURE
    disposable_engine.restart()
    died = launcher.died(endpoint)
    assert died is not None
    assert died.failure_class is FailureClass.INFRASTRUCTURE
    assert "restarted" in died.reason
    again = launcher.ensure(order(tmp_path, attempt=2), 30.0)
    assert launcher.responds(again)
