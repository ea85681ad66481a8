from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.launchers.local.serving import bring_up, spec

from airtune.launchers.local.server import remove
from airtune.processes.place import Place
from airtune.records import Endpoint


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A slot's second attempt; whatever the test starts in it or later is ended."""
    place = Place.of(tmp_path / "run", "dag/run", 0, 1)
    yield place
    remove(Place(place.folder, 9))


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place where a server runs, for tests that leave it as it is."""
    place = Place.of(tmp_path_factory.mktemp("busy"), "dag/run", 0, 1)
    bring_up(spec("--tp-size", "2"), place, trial_id=3)
    yield place
    remove(place)


@pytest.fixture
def running(busy: Place) -> Endpoint:
    """The server of ``busy``."""
    return Endpoint.model_validate_json((busy.folder / "endpoint-1.json").read_text())
