import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.launchers.docker.orders import FAST, IMAGE

from airtune.launchers.docker.launcher import DockerLauncher
from airtune.settings import DockerHost, Settings
from airtune.testing.fake_docker import FakeDocker
from airtune.testing.fake_docker_container import FakeContainer
from airtune.testing.fake_engine_behaviour import Behaviour
from airtune.testing.fake_engine_options import read_options
from airtune.testing.fake_engine_server import FakeEngine


@pytest.fixture(scope="session")
def serving() -> Iterator[Callable[[FakeContainer], None]]:
    """Makes a container serve: its published port leads to a fake engine of this process."""
    options = read_options(["--served-model-name", "m", "--host", "127.0.0.1", "--port", "0"])
    engine = FakeEngine(options, Behaviour(**FAST))
    thread = threading.Thread(target=engine.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    def serve(container: FakeContainer) -> None:
        container.port = engine.port
        container.write("it listens")

    yield serve
    engine.shutdown()
    engine.server_close()
    thread.join()


@pytest.fixture
def engine(serving: Callable[[FakeContainer], None]) -> FakeDocker:
    """A fake Docker Engine with the image, whose containers serve."""
    made = FakeDocker(IMAGE)
    made.on_start = serving
    return made


@pytest.fixture
def host() -> DockerHost:
    return DockerHost(url="unix:///fake.sock")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": "ours",
            "AIRTUNE_MODEL_ROOT": "/srv/models",
            "AIRTUNE_HUB_CACHE": "hub",
        }
    )


@pytest.fixture
def launcher(engine: FakeDocker, host: DockerHost, settings: Settings) -> DockerLauncher:
    return DockerLauncher(engine, host, settings)
