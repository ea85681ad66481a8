"""One Airflow beside a real Docker Engine, for all tests of this folder."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import docker
import pytest

from airtune.launchers.docker.names import INSTALLATION, ROLE, RUN, SLOT, run_hash
from airtune.testing.docker_images import build
from airtune.testing.fake_task import fake_task

FAKE_IMAGE = "airtune-test/fake-sglang"


@dataclass
class DockerSite:
    """A site whose engines are containers."""

    site: Any
    client: docker.APIClient

    @property
    def api(self) -> Any:
        return self.site.api

    def containers(self, run_id: str | None = None, **labels: str) -> list[dict[str, Any]]:
        """Containers of this site, of one run, with these labels (``role``, ``slot``)."""
        found: list[dict[str, Any]] = self.client.containers(
            all=True, filters={"label": self._labels(run_id, labels)}
        )
        return found

    def server(self, run_id: str, slot: int) -> dict[str, Any] | None:
        """The running server of a slot as ``docker inspect`` shows it."""
        found = self.containers(run_id, role="server", slot=str(slot))
        running = [one for one in found if one["State"] == "running"]
        return self.client.inspect_container(running[0]["Id"]) if running else None

    def left_of(self, run_id: str) -> list[str]:
        """Containers, networks, processes and leases that a run has left."""
        names = [one["Names"][0] for one in self.containers(run_id)]
        filters = {"label": self._labels(run_id, {})}
        names += [one["Name"] for one in self.client.networks(filters=filters)]
        return names + self.site.left_of(run_id)

    def _labels(self, run_id: str | None, labels: dict[str, str]) -> list[str]:
        words = [f"{INSTALLATION}={self.site.settings.installation}"]
        if run_id is not None:
            words.append(f"{RUN}={run_hash(self.site.key(run_id))}")
        keys = {"role": ROLE, "slot": SLOT}
        return words + [f"{keys[name]}={value}" for name, value in labels.items()]


def docker_task(name: str, *, models: str, replay: bool = True, **changes: Any) -> dict[str, Any]:
    """``fake_task`` for the fake SGLang in a container."""
    task = fake_task(name, replay=replay, **changes)
    task |= {"deployment_mode": "docker", "image": FAKE_IMAGE, "image_tag": "latest"} | {
        key: value for key, value in changes.items() if key in {"image", "image_tag"}
    }
    task["model"] |= {"root": models, "id_or_path": "some-model"}
    return task


@pytest.fixture(scope="session")
def docker_url() -> str:
    return os.environ["AIRTUNE_TEST_DOCKER_HOST"]


@pytest.fixture(scope="session")
def make_docker_site(
    make_site: Callable[..., Any], docker_url: str, models: str
) -> Iterator[Callable[..., DockerSite]]:
    """An Airflow whose default engine has fake devices, and whose engine ``cpu`` has a core."""
    clients: list[docker.APIClient] = []
    build("airtune-test/fake-sglang:latest")

    def make(devices: str = "fake0..3", url: str = docker_url, **options: Any) -> DockerSite:
        hosts = {"cpu": {"url": url, "devices": "cpu1"}}
        changes = {
            "AIRTUNE_DOCKER_HOST": url,
            "AIRTUNE_DOCKER_HOSTS": json.dumps(hosts),
            "AIRTUNE_MODEL_ROOTS": models,
        }
        site = make_site(devices, dag_id="autotune_docker", changes=changes, **options)
        clients.append(docker.APIClient(base_url=url, timeout=30))
        return DockerSite(site, clients[-1])

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def docker_site(make_docker_site: Callable[..., DockerSite]) -> DockerSite:
    return make_docker_site()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a folder for the model that the fake engine does not read."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "some-model").mkdir()
    (folder / "some-model" / "config.json").write_text("{}")
    return str(folder)
