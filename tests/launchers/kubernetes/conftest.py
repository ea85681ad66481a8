import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.launchers.docker.orders import FAST
from tests.launchers.kubernetes.cluster_orders import NAMESPACE, run_pods

from airtune.launchers.kubernetes.launcher import ClusterLauncher
from airtune.launchers.kubernetes.pod_world import KubernetesWorld
from airtune.records import Endpoint
from airtune.settings import Settings
from airtune.testing.fake_cluster import FakeCluster
from airtune.testing.fake_engine_behaviour import Behaviour
from airtune.testing.fake_engine_options import read_options
from airtune.testing.fake_engine_server import FakeEngine


class Straight:
    """Every server is reached at the same address."""

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self, endpoint: Endpoint) -> str:
        return self._url

    def close(self) -> None:
        return


@pytest.fixture(scope="session")
def served_url() -> Iterator[str]:
    """Where a fake engine of this process answers."""
    options = read_options(["--served-model-name", "m", "--host", "127.0.0.1", "--port", "0"])
    engine = FakeEngine(options, Behaviour(**FAST))
    thread = threading.Thread(target=engine.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{engine.port}"
    engine.shutdown()
    engine.server_close()
    thread.join()


@pytest.fixture
def cluster() -> FakeCluster:
    """A cluster in memory whose pods run as soon as they are created."""
    made = FakeCluster(NAMESPACE)
    made.on_create = run_pods
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": "ours",
            "AIRTUNE_MODEL_ROOT": "/srv/models",
            "AIRTUNE_TEMPLATE_DIR": str(tmp_path / "templates"),
        }
    )


@pytest.fixture
def launchers(
    cluster: FakeCluster, settings: Settings, served_url: str
) -> Callable[..., ClusterLauncher]:
    """Makes launchers of the fake cluster: ``launchers(namespace=…)``."""

    def make(namespace: str = NAMESPACE) -> ClusterLauncher:
        world, way = KubernetesWorld(settings), Straight(served_url)
        return ClusterLauncher(world, cluster, settings, namespace=namespace, way=way)

    return make


@pytest.fixture
def launcher(launchers: Callable[..., ClusterLauncher]) -> ClusterLauncher:
    return launchers()
