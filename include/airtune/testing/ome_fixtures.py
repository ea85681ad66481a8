"""Pytest fixtures for tests with OME's CRDs; ``tests/conftest.py`` loads them for all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from airtune.testing.ome_cluster import Ome, ome_cluster
from airtune.testing.ome_crds import FOLDER, crd_folder


@pytest.fixture(scope="session")
def ome(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ome]:
    """OME with the stand-in controller in the cluster for tests."""
    folder = crd_folder()
    if folder is None:
        pytest.fail(f"No CRDs of OME: name the folder of its chart ome-crd in {FOLDER}.")
    log = tmp_path_factory.mktemp("ome") / "stand-in.log"
    with ome_cluster(kubeconfig, folder, log=log) as cluster:
        yield cluster


@pytest.fixture
def ome_namespace(ome: Ome) -> Iterator[str]:
    """A new namespace that the stand-in looks at."""
    name = ome.namespace()
    yield name
    ome.drop(name)
