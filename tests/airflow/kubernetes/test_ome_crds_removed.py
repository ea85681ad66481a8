"""OME is uninstalled under a run: OME's controller is the project's stand-in, its CRDs are real."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.airflow.kubernetes.conftest import ClusterSite, ome_task
from tests.kubernetes.ome.services import a_service, eventually, ready, service_path

from airtune.records import FailureClass
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_crds import crd_folder, crd_path, install

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.kubernetes,
    pytest.mark.ome,
    # Deleting a definition deletes every InferenceService of the cluster.
    pytest.mark.disposable,
    pytest.mark.timeout(900),
]

CRD = "inferenceservices.ome.io"
RUN = "o-no-crd"
SLOTS = 8
"""More than the site runs tasks at once: some wait for their turn."""

QUICK_S = 120.0
"""For all of the rest; one that waited would take its start limit, ten minutes."""


@dataclass
class Removed:
    """A run whose definition has gone.

    Attributes:
        waiting: slots whose client had not been started by then.
        seconds: from there to the run's end.
    """

    site: ClusterSite
    waiting: int
    seconds: float


@pytest.fixture(scope="module")
def removed(ome_site: ClusterSite, ome: Ome) -> Iterator[Removed]:
    """The definition is removed while the first servers are measured, and is back at the end."""
    task = ome_task(
        ome_site,
        RUN,
        client="cli",
        parameters={"random_seed": list(range(1, SLOTS))},
        rules=[{"ttft_ms": 2000}],
    )
    folder = crd_folder()
    assert folder is not None
    ome_site.api.trigger({"task": task}, RUN)
    try:
        ome_site.api.until(lambda: _measured(ome_site), 300, "a server to be measured")
        waiting, began = SLOTS - _measured(ome_site), time.monotonic()
        ome.api.remove(crd_path(CRD))
        # OME's finalizers hold the InferenceServices, and those the definition.
        eventually(lambda: ome.api.find(crd_path(CRD)) is None, 60)
        ome_site.api.wait(RUN, timeout_s=500)
        yield Removed(ome_site, waiting, time.monotonic() - began)
    finally:
        eventually(lambda: _whole(ome), 60)
        install(ome.api, folder)


def _measured(site: ClusterSite) -> int:
    return sum(site.site.record(RUN, slot, "client") is not None for slot in range(SLOTS))


def _whole(ome: Ome) -> bool:
    """It is there or it is gone: not on its way out."""
    found = ome.api.find(crd_path(CRD))
    return found is None or "deletionTimestamp" not in found["metadata"]


def test_the_rest_fails_quickly_by_the_name_of_what_is_missing(removed: Removed) -> None:
    trials = removed.site.site.trials(RUN)
    failures = [trial.failure for trial in trials if trial.failure]
    assert len(trials) == SLOTS
    assert len(failures) >= SLOTS - 1, "the servers that were measured have gone, too"
    for failure in failures:
        assert failure.failure_class is FailureClass.INVALID_CONFIG, failure.reason
        assert CRD in failure.reason
    assert removed.waiting > 0
    assert removed.seconds < QUICK_S


def test_nothing_is_left(removed: Removed) -> None:
    assert removed.site.left_of(RUN) == []
    space = removed.site.namespace
    pods = removed.site.admin.get(f"/api/v1/namespaces/{space}/pods")["items"]
    assert [one["metadata"]["name"] for one in pods] == []


def test_with_the_definition_back_servers_start_again(removed: Removed, ome: Ome) -> None:
    folder = crd_folder()
    assert folder is not None
    install(ome.api, folder)
    space = removed.site.namespace
    ome.make(a_service(space))
    assert ready(ome, space)
    ome.api.remove(service_path(space))
    eventually(lambda: ome.api.find(service_path(space)) is None, 60)
