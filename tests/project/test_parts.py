"""``scripts/test.py``: every test is in one part, and no part needs what it does not name."""

import importlib.util
import sys
from itertools import combinations
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.mark.expression import Expression

ROOT = Path(__file__).resolve().parents[2]
MARKERS = ("airflow", "engine", "bench", "postgres", "docker", "kubernetes", "ome", "disposable")
EVERY = [set(some) for size in range(len(MARKERS) + 1) for some in combinations(MARKERS, size)]
SENSIBLE = [
    some
    for some in EVERY
    if (not some & {"ome"} or "kubernetes" in some)
    and (not some & {"disposable"} or some & {"docker", "kubernetes"})
    and not {"docker", "kubernetes"} <= some
    and ("postgres" not in some or not some - {"postgres", "airflow"})
]


@pytest.fixture(params=["named", "none"])
def script(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, on a machine with servers for everything and on one without."""
    names = ("AIRTUNE_TEST_KUBECONFIG", "AIRTUNE_TEST_DOCKER_HOST", "AIRTUNE_OME_CRDS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    for name in names if request.param == "named" else ():
        monkeypatch.setenv(name, str(ROOT))
    spec = importlib.util.spec_from_file_location("scripts_test", ROOT / "scripts" / "test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def _takes(markers: str, some: set[str]) -> bool:
    return Expression.compile(markers).evaluate(lambda name, **_: name in some)


def test_every_test_is_in_one_part(script: ModuleType) -> None:
    for some in SENSIBLE:
        found = [part.name for part in script.parts() if _takes(part.markers, some)]
        assert len(found) == 1, (some, found)


def test_no_other_part_takes_a_test_of_a_cluster(script: ModuleType) -> None:
    for part in script.parts():
        for some in (some for some in SENSIBLE if "kubernetes" in some):
            assert part.name.startswith("kubernetes") or not _takes(part.markers, some)


def test_what_is_missing_comes_with_a_remedy(script: ModuleType) -> None:
    for part in script.parts():
        assert not part.missing or part.remedy
