"""An engine reached by TCP with TLS both ways, as those of other hosts are."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import docker
import pytest
from airflow.sdk import DAG
from tests.launchers.docker.orders import IMAGE, order, server

from airtune.errors import TrialFailed
from airtune.launchers.docker.connect import connect
from airtune.launchers.docker.launcher import DockerLauncher
from airtune.operators.docker_tasks import docker_tasks
from airtune.settings import DockerHost, Settings
from airtune.task import read_task
from airtune.task.client_way import resolved_client
from airtune.testing.fake_task import fake_task
from airtune.testing.tls_proxy import TlsEngine, tls_engine

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def engine(
    docker_host: str, images: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsEngine]:
    images(IMAGE)
    folder = tmp_path_factory.mktemp("tls")
    with tls_engine(docker_host.removeprefix("unix://"), folder) as found:
        yield found


@pytest.fixture
def settings(engine: TlsEngine, tmp_path: Path) -> Settings:
    far = {
        "url": engine.url,
        "publish": "127.0.0.1",
        "devices": "gpu0..1",
        "tls_ca": engine.ca,
        "tls_cert": engine.cert,
        "tls_key": engine.key,
    }
    return Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": uuid4().hex[:8],
            "AIRTUNE_MODEL_ROOT": str(tmp_path / "models"),
            "AIRTUNE_DEVICES": "cpu1",
            "AIRTUNE_DOCKER_HOSTS": json.dumps({"far": far}),
        }
    )


def test_a_server_on_it_is_started_seen_and_removed(settings: Settings, tmp_path: Path) -> None:
    host = settings.docker_host("far")
    with connect(host) as client:
        launcher = DockerLauncher(client, host, settings)
        wanted = order(tmp_path, server())
        launcher.prepare(wanted)
        try:
            endpoint = launcher.ensure(wanted, patience_s=30)
            assert launcher.responds(endpoint)
            assert launcher.died(endpoint) is None
        finally:
            assert launcher.remove(wanted.run, wanted.slot, wanted.attempt) == 1
        label = f"airtune/installation={settings.installation}"
        assert client.containers(all=True, filters={"label": label}) == []


def test_without_its_certificate_nobody_is_let_in(engine: TlsEngine) -> None:
    with pytest.raises(TrialFailed, match="infrastructure"), connect(DockerHost(url=engine.url)):
        pass


def test_the_operators_reach_it_as_the_provider_does(
    settings: Settings, engine: TlsEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRTUNE_HOME", str(settings.home))
    far = settings.docker_host("far")
    given = {"url": far.url, "devices": "gpu0..1", "publish": far.publish}
    given |= {"tls_ca": far.tls_ca, "tls_cert": far.tls_cert, "tls_key": far.tls_key}
    monkeypatch.setenv("AIRTUNE_DOCKER_HOSTS", json.dumps({"far": given}))
    with DAG("d", schedule=None):
        deploy = docker_tasks("far").deploy(task_id="deploy", spec={})
    client: docker.APIClient = deploy.engine()
    assert client.version()["ApiVersion"]
    client.close()


def test_it_is_a_pool_of_its_own_and_its_client_runs_beside_the_server(settings: Settings) -> None:
    far = settings.docker_host("far")
    assert [device.name for device in far.devices] == ["far/gpu0", "far/gpu1"]
    assert [device.name for device in settings.docker_host().devices] == ["cpu1"]
    task = read_task(fake_task("t", parameters={"random_seed": [1]}, deployment_mode="docker"))
    assert resolved_client(task, far) == "container"
    assert resolved_client(task, settings.docker_host()) == "cli"
