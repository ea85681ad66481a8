import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from requests.exceptions import ConnectionError as Unreachable
from tests.launchers.docker.orders import CPU, IMAGE, order, server

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker.handle import Handle
from airtune.launchers.docker.launcher import DockerLauncher
from airtune.launchers.launcher import StillStarting
from airtune.launchers.probe import Pending
from airtune.records import Device, Endpoint, FailureClass
from airtune.settings import DockerHost, Settings
from airtune.task.model import Model
from airtune.testing.fake_docker import FakeDocker, api_error
from airtune.testing.fake_docker_container import FakeContainer, stamp

Serve = Callable[[FakeContainer], None]


def _silent(container: FakeContainer) -> None:
    """Its port leads to nobody."""
    container.port = 1


def _container(engine: FakeDocker, endpoint: Endpoint) -> FakeContainer:
    return engine.made[Handle.of(endpoint).container]


def test_a_server_is_started_in_a_network_of_its_own_and_answers(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    wanted = order(tmp_path)
    launcher.prepare(wanted)
    endpoint = launcher.ensure(wanted, 5.0)
    [container], [network] = engine.made.values(), engine.networks_made.values()
    assert endpoint.base_url == f"http://127.0.0.1:{container.port}"
    assert (
        endpoint.handle.items()
        >= {
            "v": 1,
            "launcher": "docker",
            "host": "",
            "container": container.id,
            "network": network["Name"],
            "inside_url": f"http://{container.name}:8000",
        }.items()
    )
    assert launcher.argv(endpoint) == wanted.server.at_port(8000)
    assert launcher.responds(endpoint)
    assert launcher.poll(endpoint, wanted.readiness, 1.0) is None
    assert network["Labels"][names.ROLE] == "network"


def test_identity_says_image_engine_and_container(launcher: DockerLauncher, tmp_path: Path) -> None:
    endpoint = launcher.ensure(order(tmp_path), 5.0)
    assert launcher.identity(endpoint) == {
        "image": IMAGE,
        "image_digest": f"sha256:{IMAGE}",
        "host": "fake-host",
        "docker_version": "20.10.24",
        "container": Handle.of(endpoint).container,
    }


def test_a_later_attempt_adopts_and_an_earlier_one_does_not(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    first = launcher.ensure(order(tmp_path, attempt=4), 5.0)
    assert launcher.ensure(order(tmp_path, attempt=5), 5.0) == first
    with pytest.raises(TrialFailed, match="newer attempt") as caught:
        launcher.ensure(order(tmp_path, attempt=3), 5.0)
    assert caught.value.failure.failure_class is FailureClass.CANCELLED
    assert list(engine.made) == [Handle.of(first).container]


def test_another_configuration_is_not_adopted(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    first = launcher.ensure(order(tmp_path), 5.0)
    second = launcher.ensure(order(tmp_path, server("--tp-size", "2"), attempt=2), 5.0)
    assert list(engine.made) == [Handle.of(second).container]
    assert second != first
    assert [row["Labels"][names.ATTEMPT] for row in engine.networks_made.values()] == ["2"]


def test_an_adopted_server_that_is_of_no_use_is_replaced(
    launcher: DockerLauncher, engine: FakeDocker, serving: Serve, tmp_path: Path
) -> None:
    engine.on_start = _silent
    with pytest.raises(StillStarting):
        launcher.ensure(order(tmp_path), 0.0)
    [old] = engine.made.values()
    old.port = 1
    engine.on_start = serving
    endpoint = launcher.ensure(order(tmp_path, attempt=2, start_limit_s=0.3), 5.0)
    assert Handle.of(endpoint).container != old.id


def test_patience_over_says_until_when_on_this_hosts_clock(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    engine.on_start = lambda container: _started_at(container, time.time() + 1000)
    engine.clock = stamp(time.time() + 1000)
    with pytest.raises(StillStarting) as caught:
        launcher.ensure(order(tmp_path, start_limit_s=60.0), 0.0)
    assert caught.value.deadline == pytest.approx(time.time() + 60.0, abs=5.0)


def _started_at(container: FakeContainer, at: float) -> None:
    container.started_at, container.port = stamp(at), 1


def test_an_expected_server_that_has_died_is_not_replaced(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    engine.on_start = _silent
    with pytest.raises(StillStarting) as caught:
        launcher.ensure(order(tmp_path), 0.0)
    endpoint = caught.value.endpoint
    _container(engine, endpoint).end(3, "Error: no luck")
    with pytest.raises(TrialFailed, match="no luck") as failed:
        launcher.ensure(order(tmp_path), 5.0, endpoint)
    assert failed.value.failure.failure_class is FailureClass.STARTUP_CRASH
    assert len(engine.made) == 1


def test_a_server_that_is_never_ready_times_out_and_its_log_is_kept(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    engine.on_start = lambda container: (_silent(container), container.write("still loading"))[0]
    wanted = order(tmp_path, start_limit_s=0.3)
    with pytest.raises(TrialFailed, match=r"timeouts\.start_s") as caught:
        launcher.ensure(wanted, 5.0)
    assert caught.value.failure.failure_class is FailureClass.STARTUP_TIMEOUT
    assert "still loading" in caught.value.failure.log_tail
    assert wanted.log.read_text() == "still loading\n"


def test_a_foreign_container_of_the_name_is_named_and_left(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    name = names.object_name("ours", "dag/run", 0, "server")
    foreign = engine.create_container("x", name=name)["Id"]
    with pytest.raises(TrialFailed, match="not this airtune's"):
        launcher.ensure(order(tmp_path), 5.0)
    assert list(engine.made) == [foreign]


@pytest.mark.parametrize("at", [0, 1, 2], ids=["before", "made", "started"])
def test_a_fenced_attempt_leaves_nothing_wherever_it_is_caught(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path, at: int
) -> None:
    answers = iter([True] * at + [False])
    with pytest.raises(TrialFailed) as caught:
        launcher.ensure(order(tmp_path, is_current=lambda: next(answers)), 5.0)
    assert caught.value.failure.failure_class is FailureClass.CANCELLED
    assert (engine.made, engine.networks_made) == ({}, {})


def test_a_newer_attempts_container_of_the_name_fences(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    labels = names.labels_of("ours", "dag/run", 0, 7, "server")
    name = names.object_name("ours", "dag/run", 0, "server")
    newer = engine.create_container("x", name=name, labels=labels)["Id"]
    with pytest.raises(TrialFailed) as caught:
        launcher.ensure(order(tmp_path, attempt=2), 5.0)
    assert caught.value.failure.failure_class is FailureClass.CANCELLED
    assert list(engine.made) == [newer]


def test_older_clients_are_ended_before_the_server_is_touched(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    launcher.ensure(order(tmp_path), 5.0)
    for attempt in (1, 2, 3):
        labels = names.labels_of("ours", "dag/run", 0, attempt, "client")
        engine.create_container("x", labels=labels)
    launcher.ensure(order(tmp_path, attempt=2), 5.0)
    roles = [(one.labels[names.ROLE], one.labels[names.ATTEMPT]) for one in engine.made.values()]
    assert roles == [("server", "1"), ("client", "2"), ("client", "3")]


def test_in_a_shared_network_the_name_is_the_address(
    engine: FakeDocker, host: DockerHost, settings: Settings, tmp_path: Path
) -> None:
    launcher = DockerLauncher(engine, replace(host, network="shared"), settings)
    with pytest.raises(StillStarting) as caught:
        launcher.ensure(order(tmp_path), 0.0)
    name = names.object_name("ours", "dag/run", 0, "server")
    assert caught.value.endpoint.base_url == f"http://{name}:8000"
    assert engine.networks_made == {}


def test_an_engine_that_is_away_is_infrastructure_everywhere(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    endpoint = launcher.ensure(order(tmp_path), 5.0)
    away = Unreachable("Connection refused")
    for call in ("inspect_container", "containers", "inspect_image"):
        engine.refusals[call] = away
    died = launcher.died(endpoint)
    assert died is not None
    assert died.failure_class is FailureClass.INFRASTRUCTURE
    assert "unix:///fake.sock" in died.reason
    found = launcher.poll(endpoint, order(tmp_path).readiness, 1.0)
    assert not isinstance(found, Pending)
    assert not launcher.responds(endpoint)
    for call in (
        lambda: launcher.prepare(order(tmp_path)),
        lambda: launcher.ensure(order(tmp_path), 1.0),
        lambda: launcher.remove("dag/run", 0, 1),
        lambda: launcher.argv(endpoint),
    ):
        with pytest.raises(TrialFailed) as caught:
            call()
        assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_refused_start_has_the_class_of_the_engines_words(
    launcher: DockerLauncher, engine: FakeDocker, tmp_path: Path
) -> None:
    said = "invalid mount config: bind source path does not exist: /srv/models/m"
    engine.refusals["create_container"] = api_error(400, said)
    with pytest.raises(TrialFailed, match="/srv/models/m does not exist") as caught:
        launcher.ensure(order(tmp_path), 5.0)
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG


def test_cores_are_left_to_the_client_beside_a_local_engine_only(
    engine: FakeDocker, settings: Settings
) -> None:
    no_core = (Device(name="cpu999", kind="cpu", indexes=(999,)),)
    local = DockerLauncher(engine, DockerHost(devices=no_core), settings)
    remote = DockerLauncher(engine, DockerHost(url="tcp://far:2376", devices=CPU), settings)
    assert local.client_cpus(no_core)
    assert remote.client_cpus(CPU) == ()


def test_llama_cpp_cannot_serve_a_hub_id(launcher: DockerLauncher, tmp_path: Path) -> None:
    spec = server().model_copy(update={"engine": "llama_cpp"})
    wanted = order(tmp_path, spec, model=Model(name="m", id_or_path="org/m"))
    with pytest.raises(TrialFailed, match="GGUF") as caught:
        launcher.prepare(wanted)
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG
