"""Pytest fixtures for tests on a Kubernetes cluster; ``tests/conftest.py`` loads them for all."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.testing.kubernetes_control import wait_until
from airtune.testing.kubernetes_disposable import KUBECONFIG, Disposable

_TEST_S = 300.0
"""A test in a cluster gets so many seconds unless it says otherwise."""

_GONE_S = 90.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests in a cluster the time that pods take."""
    for item in items:
        if item.get_closest_marker("kubernetes") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_TEST_S))


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """Of the cluster for tests; its user may do everything."""
    path = os.environ.get(KUBECONFIG)
    if not path:
        pytest.fail(
            f"No Kubernetes cluster: name a kubeconfig in {KUBECONFIG}, or PROVISION=1 make "
            "test-kubernetes."
        )
    return Path(path)


@pytest.fixture(scope="session")
def cluster_api(kubeconfig: Path) -> Iterator[ClusterApi]:
    """The API server, with all rights."""
    from kubernetes.config import new_client_from_config

    client = new_client_from_config(str(kubeconfig))
    yield ClusterApi(client)
    client.rest_client.pool_manager.clear()
    client.close()


@pytest.fixture(scope="session")
def namespace(cluster_api: ClusterApi) -> Iterator[Callable[..., str]]:
    """Make a new namespace and return its name; at the session's end it is deleted and seen gone.

    Its arguments: the first part of the name, and labels of the namespace.
    """
    made = []

    def make(prefix: str = "test", labels: Mapping[str, str] | None = None) -> str:
        name = f"{prefix}-{secrets.token_hex(3)}"
        metadata = {"name": name, "labels": dict(labels or {})}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        cluster_api.post("/api/v1/namespaces", body)
        made.append(name)
        accounts = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        wait_until(lambda: not _gone(cluster_api, accounts), _GONE_S, accounts)
        return name

    yield make
    for name in made:
        _delete(cluster_api, name)
    for name in made:
        gone = partial(_gone, cluster_api, f"/api/v1/namespaces/{name}")
        wait_until(gone, _GONE_S, f"the end of namespace {name}")


@pytest.fixture
def own_namespace(namespace: Callable[..., str], cluster_api: ClusterApi) -> Iterator[str]:
    """A new namespace of this test alone; its end is begun at once and awaited by ``namespace``."""
    name = namespace()
    yield name
    _delete(cluster_api, name)


@pytest.fixture
def disposable_cluster(kubeconfig: Path) -> Iterator[Disposable]:
    """The cluster, its components to be killed and restarted; they run again afterwards."""
    cluster = Disposable.of_environment()
    yield cluster
    for name in cluster.control.ends():
        cluster.control.start(name)
    cluster.wait()


def _delete(api: ClusterApi, name: str) -> None:
    pods = f"/api/v1/namespaces/{name}/pods"
    try:
        # Nobody waits for pods that ignore SIGTERM.
        api.delete(pods, {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 1})
        api.delete(f"/api/v1/namespaces/{name}")
    except ApiRefused as refused:
        if refused.status not in {404, 409}:  # gone, or going
            raise


def _gone(api: ClusterApi, path: str) -> bool:
    try:
        api.get(path)
    except ApiRefused as refused:
        if refused.status == 404:
            return True
        raise
    return False
