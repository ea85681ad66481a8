"""Fetching weights in a real container with the real ``huggingface_hub``, from a hub of ours."""

import ipaddress
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from docker import APIClient
from tests.launchers.docker.orders import IMAGE, order, server

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker.connect import connect
from airtune.launchers.docker.launcher import DockerLauncher
from airtune.launchers.docker.orphans import owners, stale
from airtune.launchers.launcher import Order
from airtune.records import FailureClass
from airtune.settings import DockerHost, Settings
from airtune.task.model import Model
from airtune.testing.fake_hub import FILES, MODEL, TOKEN, FakeHub, Manner, fake_hub

pytestmark = pytest.mark.docker

WITH_LIBRARY = "airtune/genai-bench:0.0.5"


@pytest.fixture(scope="module")
def client(docker_host: str, images: Callable[[str], str]) -> Iterator[APIClient]:
    for image in (WITH_LIBRARY, IMAGE):
        images(image)
    with connect(DockerHost(url=docker_host)) as connected:
        yield connected


@pytest.fixture(scope="module")
def gateway(client: APIClient) -> str:
    """Address of this host in the network of containers that have no other."""
    [config] = client.inspect_network("bridge")["IPAM"]["Config"]
    first = next(ipaddress.ip_network(config["Subnet"]).hosts())
    return str(config.get("Gateway") or first)


@pytest.fixture
def settings(client: APIClient, docker_host: str, tmp_path: Path) -> Iterator[Settings]:
    """An installation with a hub cache of its own, which is removed with all else of it."""
    own = uuid4().hex[:8]
    cache = f"airtune-test-hub-{own}"
    values = {
        "AIRTUNE_HOME": str(tmp_path),
        "AIRTUNE_DOCKER_HOST": docker_host,
        "AIRTUNE_INSTALLATION": own,
        "AIRTUNE_HUB_CACHE": cache,
    }
    yield Settings.load(values)
    for made in client.containers(all=True, filters={"label": f"{names.INSTALLATION}={own}"}):
        client.remove_container(made["Id"], v=True, force=True)
    if any(volume["Name"] == cache for volume in client.volumes()["Volumes"] or []):
        client.remove_volume(cache)


def _launcher(client: APIClient, settings: Settings, token: str | None = None) -> DockerLauncher:
    return DockerLauncher(client, settings.docker_host(), settings, token=token)


def _wanted(hub: FakeHub, folder: Path, heard: list[str], image: str = WITH_LIBRARY) -> Order:
    spec = server(image=image)
    spec = spec.model_copy(update={"env": {"HF_ENDPOINT": hub.url}})
    return order(
        folder, spec, model=Model(name="tiny", id_or_path=MODEL), pull_limit_s=60, say=heard.append
    )


def test_weights_are_fetched_once_a_host(
    client: APIClient, gateway: str, settings: Settings, tmp_path: Path
) -> None:
    heard: list[str] = []
    with fake_hub(address=gateway) as hub:
        launcher, wanted = _launcher(client, settings), _wanted(hub, tmp_path, heard)
        launcher.prepare(wanted)
        assert any("complete" in line for line in heard)
        assert hub.downloads("model.safetensors") > 0
        assert hub.downloads("pytorch_model.bin") == 0  # the same weights once more
        hub.asked.clear()
        launcher.prepare(wanted)
        assert hub.asked == []
    assert owners(client, settings.installation) == set()
    assert stale(client, settings.installation, 0.0) == []
    assert len(FILES["model.safetensors"]) == _size_in(client, settings, "*.safetensors")


def _size_in(client: APIClient, settings: Settings, pattern: str) -> int:
    code = "import pathlib, sys\nfound = pathlib.Path('/c').rglob(sys.argv[1])\n"
    code += "print(sum(file.stat().st_size for file in found))"
    made = client.create_container(
        IMAGE,
        entrypoint=["python3"],
        command=["-c", code, pattern],
        host_config=client.create_host_config(binds=[f"{settings.hub_cache}:/c:ro"]),
        labels={names.INSTALLATION: settings.installation},
    )
    client.start(made["Id"])
    client.wait(made["Id"])
    return int(client.logs(made["Id"]))


def test_two_slots_fetch_one_model_in_one_container(
    client: APIClient, gateway: str, settings: Settings, tmp_path: Path
) -> None:
    failures: list[BaseException] = []

    def prepare(wanted: Order) -> None:
        try:
            with connect(settings.docker_host()) as own:
                _launcher(own, settings).prepare(wanted)
        except BaseException as error:
            failures.append(error)

    with fake_hub(address=gateway) as hub:
        threads = [
            threading.Thread(target=prepare, args=(_wanted(hub, tmp_path / str(i), []),))
            for i in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert hub.asked.count(f"/api/models/{MODEL}") == 1


@pytest.mark.parametrize(
    ("manner", "failure_class", "text"),
    [
        ("gated", FailureClass.IMAGE, "AIRTUNE_HF_CONN_ID"),
        ("missing", FailureClass.IMAGE, "no such model"),
        ("broken", FailureClass.INFRASTRUCTURE, "cannot be reached"),
    ],
)
def test_a_hub_that_does_not_give_it_says_what_to_do(
    client: APIClient,
    gateway: str,
    settings: Settings,
    tmp_path: Path,
    manner: Manner,
    failure_class: FailureClass,
    text: str,
) -> None:
    with fake_hub(manner, gateway) as hub, pytest.raises(TrialFailed, match=text) as caught:
        _launcher(client, settings).prepare(_wanted(hub, tmp_path, []))
    assert caught.value.failure.failure_class is failure_class


def test_a_token_opens_a_gated_model_and_is_written_nowhere(
    client: APIClient, gateway: str, settings: Settings, tmp_path: Path
) -> None:
    heard: list[str] = []
    with fake_hub("gated", gateway) as hub:
        _launcher(client, settings, TOKEN).prepare(_wanted(hub, tmp_path, heard))
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert TOKEN not in " ".join(heard + written)


def test_an_image_without_the_library_says_what_else_to_do(
    client: APIClient, gateway: str, settings: Settings, tmp_path: Path
) -> None:
    with fake_hub(address=gateway) as hub, pytest.raises(TrialFailed) as caught:
        _launcher(client, settings).prepare(_wanted(hub, tmp_path, [], image=IMAGE))
    assert caught.value.failure.failure_class is FailureClass.IMAGE
    assert "model.name" in caught.value.failure.reason
