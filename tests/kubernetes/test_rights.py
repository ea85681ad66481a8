"""The account of ``examples/kubernetes/rbac.yaml``: what it may do, and what not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.rights import Use, rights
from airtune.testing.kubernetes_rights import limited_kubeconfig, remove_rights
from airtune.testing.ome_api import connected

pytestmark = pytest.mark.kubernetes


@pytest.fixture
def space(kubeconfig: Path, namespace: Callable[..., str]) -> Iterator[str]:
    name = namespace("rights")
    yield name
    remove_rights(kubeconfig, name)


def limited(kubeconfig: Path, space: str, folder: Path, *, ome: bool) -> ClusterApi:
    return connected(limited_kubeconfig(kubeconfig, space, folder, ome=ome))


def test_the_manifest_gives_every_right_that_a_run_needs(
    kubeconfig: Path, space: str, tmp_path: Path
) -> None:
    api = limited(kubeconfig, space, tmp_path, ome=True)
    assert rights(api, space, "ome", get_args(Use)) == []
    api.client.close()


def test_without_the_parts_for_ome_only_those_rights_are_missing(
    kubeconfig: Path, space: str, tmp_path: Path
) -> None:
    api = limited(kubeconfig, space, tmp_path, ome=False)
    assert rights(api, space, "kubernetes", get_args(Use)) == []
    missing = rights(api, space, "ome", get_args(Use))
    api.client.close()
    assert missing
    of_jobs = ("persistentvolumeclaims", '"jobs"')
    assert all(any(word in one.fix for word in ("ome.io", *of_jobs)) for one in missing)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/{}/secrets",
        "/api/v1/namespaces/{}/configmaps",
        "/api/v1/namespaces/kube-system/pods",
        "/api/v1/pods",
        "/apis/apps/v1/namespaces/{}/deployments",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    ],
)
def test_nothing_else_may_be_read(kubeconfig: Path, space: str, tmp_path: Path, path: str) -> None:
    api = limited(kubeconfig, space, tmp_path, ome=True)
    with pytest.raises(ApiRefused) as refused:
        api.get(path.format(space))
    api.client.close()
    assert refused.value.status == 403


def test_the_kubeconfig_is_readable_by_its_owner_alone(
    kubeconfig: Path, space: str, tmp_path: Path
) -> None:
    path = limited_kubeconfig(kubeconfig, space, tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
