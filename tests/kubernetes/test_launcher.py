"""The launcher on a real cluster: objects that are accepted, argv that arrives, nothing left."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.launchers.docker.orders import server
from tests.launchers.kubernetes.cluster_orders import cluster_order

from airtune.errors import Problem, TrialFailed
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.dry_run import problems
from airtune.launchers.kubernetes.exec import run
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.launcher import ClusterLauncher
from airtune.launchers.kubernetes.rights import rights
from airtune.launchers.launcher import Order
from airtune.launchers.opening import opened
from airtune.records import FailureClass
from airtune.settings import Settings
from airtune.task.kubernetes import KubernetesOptions
from airtune.task.model import Model
from airtune.testing.fake_cluster_server import write_kubeconfig
from airtune.testing.kubernetes_control import wait_until
from airtune.testing.kubernetes_rights import limited_kubeconfig, remove_rights

pytestmark = pytest.mark.kubernetes

HOSTILE = ["$(HOME)", "é ☃ \U0001f600", "a\"b'c\\d", "two\nlines", "{{ 7 * 7 }}", "", "--x=; rm"]
READY_S = 60.0


@pytest.fixture(scope="module")
def space(namespace: Callable[..., str]) -> str:
    return namespace("launcher")


@pytest.fixture
def settings(kubeconfig: Path, tmp_path: Path) -> Settings:
    return Settings.load(
        {
            "AIRTUNE_HOME": str(tmp_path),
            "AIRTUNE_INSTALLATION": f"test-{os.getpid()}",
            "AIRTUNE_KUBECONFIG": str(kubeconfig),
            "AIRTUNE_TEMPLATE_DIR": str(tmp_path),
            "AIRTUNE_KUBERNETES_REACH": "forward",
        }
    )


@pytest.fixture
def launcher(settings: Settings, space: str) -> Iterator[ClusterLauncher]:
    with opened("kubernetes", settings, namespace=space) as made:
        assert isinstance(made, ClusterLauncher)
        yield made
        made.remove("dag/run", 0, 99)


@pytest.fixture
def order(tmp_path: Path, space: str) -> Order:
    model = Model(name="m", in_image="/models/m", namespace=space)
    return cluster_order(tmp_path, model=model, start_limit_s=30.0, capacity_limit_s=30.0)


def _left(api: ClusterApi, space: str) -> list[str]:
    lists = (api.get(path)["items"] for path in (paths.pods(space), paths.services(space)))
    return [one["metadata"]["name"] for items in lists for one in items]


def _problems(launcher: ClusterLauncher, order: Order) -> list[Problem]:
    return problems(launcher.api, launcher.world.objects(launcher.api, order))


def _failure(launcher: ClusterLauncher, order: Order):
    with pytest.raises(TrialFailed) as error:
        launcher.ensure(order, READY_S)
    return error.value.failure


def test_a_server_runs_with_every_parameter_and_leaves_nothing(
    launcher, cluster_api, settings, space, order
):
    order = replace(order, server=server("--mem-fraction-static", "0.5", *HOSTILE))
    endpoint = launcher.ensure(order, READY_S)
    handle = Handle.of(endpoint)
    read = ["cat", "/proc/1/cmdline"]
    running = run(cluster_api, space, handle.name, "server", read).decode().split("\0")[:-1]
    asked = launcher.argv(endpoint)
    # The kubelet expands $(HOME) only where the container's environment is the pod's to say.
    assert running[1:] == list(asked[1:])
    assert running[-len(HOSTILE) :] == HOSTILE
    found = launcher.identity(endpoint)
    assert found["kubernetes_version"].startswith("v1.")
    assert found["image_digest"].startswith("sha256:")
    assert found["host"]
    assert launcher.responds(endpoint)
    assert launcher.remove("dag/run", 0, 1) == 1
    assert _left(cluster_api, space) == []
    assert "listens" in order.log.read_text()


def test_a_retry_adopts_the_running_pod(launcher, order):
    first = launcher.ensure(order, READY_S)
    began = time.monotonic()
    second = launcher.ensure(replace(order, attempt=2), READY_S)
    assert Handle.of(second).uid == Handle.of(first).uid
    assert time.monotonic() - began < 5
    assert launcher.remove("dag/run", 0, 1) == 0
    assert launcher.remove("dag/run", 0, 2) == 1


def test_deleting_the_pod_removes_all_of_the_trial(launcher, cluster_api, space, order):
    endpoint = launcher.ensure(order, READY_S)
    cluster_api.delete(paths.pods(space, Handle.of(endpoint).name), {"gracePeriodSeconds": 1})
    wait_until(lambda: not _left(cluster_api, space), 60, "the end of pod and Service")
    failure = launcher.died(endpoint)
    assert failure.failure_class is FailureClass.INFRASTRUCTURE


@pytest.mark.parametrize(
    "options",
    [
        {"gpus": 0},
        {
            "gpus": 2,
            "gpu_product": "H100",
            "requests": {"cpu": "100m", "memory": "64Mi"},
            "limits": {"memory": "1Gi"},
            "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "image_pull_secrets": ["registry"],
            "model_claim": {"claim": "models", "sub_path": "llama"},
            "hub_cache_claim": {"claim": "hub"},
            "hf_token_secret": {"name": "hf"},
        },
    ],
)
@pytest.mark.parametrize("model", [{"in_image": "/m"}, {"id_or_path": "org/m"}, {}])
def test_a_strict_dry_run_accepts_our_objects(launcher, cluster_api, space, order, options, model):
    made = replace(
        order,
        kubernetes=KubernetesOptions.model_validate(options),
        model=Model(name="m", namespace=space, **model),
    )
    assert _problems(launcher, made) == []
    assert _left(cluster_api, space) == []


def test_a_missing_namespace_is_told_before_and_at_the_start(launcher, order):
    order = replace(order, model=Model(name="m", in_image="/m", namespace="nix"))
    (problem,) = _problems(launcher, order)
    assert problem.path == "model.namespace"
    failure = _failure(launcher, order)
    assert failure.failure_class is FailureClass.INVALID_CONFIG
    assert "no namespace nix" in failure.reason


def test_an_unknown_field_of_a_template_is_told(launcher, tmp_path, order):
    text = (
        "apiVersion: v1\nkind: Pod\nspec:\n  nix: 1\n  containers:\n"
        "    - {name: server, image: {{ image }}, command: {{ command }}, args: {{ args }}}\n"
    )
    (tmp_path / "mine.j2").write_text(text)
    options = KubernetesOptions(gpus=0, template="mine.j2")
    (problem,) = _problems(launcher, replace(order, kubernetes=options))
    assert 'unknown field "spec.nix"' in str(problem)


def test_rights_that_are_missing_are_named(
    settings, cluster_api, kubeconfig, tmp_path, space, order
):
    account = f"/api/v1/namespaces/{space}/serviceaccounts"
    cluster_api.post(account, {"metadata": {"name": "poor"}})
    spec = {"spec": {"expirationSeconds": 600}}
    token = cluster_api.post(f"{account}/poor/token", spec)["status"]["token"]
    poor = _as(token, kubeconfig, tmp_path)
    with opened(
        "kubernetes",
        replace(settings, cluster=replace(settings.cluster, kubeconfig=poor)),
        namespace=space,
    ) as launcher:
        missing = rights(launcher.api, space, "kubernetes")
        assert any('resources: ["pods"]' in one.fix for one in missing)
        failure = _failure(launcher, order)
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert 'resources: ["pods"], verbs: ["list"]' in failure.reason
    assert space in failure.reason


def test_the_rights_of_the_manifest_are_enough(settings, kubeconfig, tmp_path, space, order):
    limited = limited_kubeconfig(kubeconfig, space, tmp_path, ome=False)
    cluster = replace(settings.cluster, kubeconfig=str(limited))
    try:
        with opened("kubernetes", replace(settings, cluster=cluster), namespace=space) as launcher:
            launcher.ensure(order, READY_S)
            launcher.ensure(replace(order, attempt=2), READY_S)
            assert launcher.remove("dag/run", 0, 2) == 1
    finally:
        remove_rights(kubeconfig, space)


def test_a_policy_that_forbids_the_pod_is_told_in_its_words(launcher, namespace, order):
    strict = namespace("strict", {"pod-security.kubernetes.io/enforce": "restricted"})
    order = replace(order, model=Model(name="m", in_image="/m", namespace=strict))
    failure = _failure(launcher, order)
    assert failure.failure_class is FailureClass.INVALID_CONFIG
    assert "PodSecurity" in failure.reason


def test_a_full_quota_is_waited_for_until_it_frees_up(
    launcher, settings, cluster_api, namespace, order
):
    tight = namespace("tight")
    quota = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "0"}}}
    path = f"/api/v1/namespaces/{tight}/resourcequotas"
    cluster_api.post(path, quota)
    wait_until(lambda: cluster_api.get(f"{path}/pods").get("status"), 30, "the quota")
    order = replace(order, model=Model(name="m", in_image="/models/m", namespace=tight))
    never = _failure(launcher, order)
    assert never.failure_class is FailureClass.INVALID_CONFIG
    cluster_api.patch(f"{path}/pods", {"spec": {"hard": {"pods": "1"}}})
    held = {"name": "other", "image": "busybox:1.38", "command": ["sleep", "60"]}
    pod = {"metadata": {"name": "other"}, "spec": {"containers": [held]}}
    wait_until(lambda: _posted(cluster_api, tight, pod), 30, "another pod in the quota")
    freed = []

    def free(text: str) -> None:
        if "quota" in text and not freed:
            freed.append(text)
            cluster_api.delete(paths.pods(tight, "other"), {"gracePeriodSeconds": 0})

    with opened("kubernetes", settings, namespace=tight) as there:
        there.ensure(replace(order, say=free), READY_S)
        assert freed
        there.remove("dag/run", 0, 1)


def _posted(api: ClusterApi, space: str, pod) -> bool:
    try:
        api.post(paths.pods(space), pod)
    except ApiRefused as refused:
        return refused.status == 409
    return True


def _as(token: str, kubeconfig: Path, tmp_path: Path) -> str:
    """The same API server with another's token."""
    import yaml

    given = yaml.safe_load(kubeconfig.read_text())
    path = Path(write_kubeconfig(tmp_path / "poor", "", token))
    made = yaml.safe_load(path.read_text())
    found = dict(given["clusters"][0]["cluster"])
    if "certificate-authority" in found:
        found["certificate-authority"] = str(kubeconfig.parent / found["certificate-authority"])
    made["clusters"][0]["cluster"] = found
    path.write_text(yaml.safe_dump(made))
    return str(path)
