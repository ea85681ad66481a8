from collections.abc import Iterator

import pytest
from tests.processes.starting import STARTED


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    for process in STARTED:
        process.kill()
        process.wait()
    STARTED.clear()
