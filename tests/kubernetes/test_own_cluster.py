"""The tests' own cluster: its host, its images, its end, and what it survives."""

import subprocess
import sys
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.testing.kubernetes_build import programs
from airtune.testing.kubernetes_cluster import KubernetesCluster, kubernetes_cluster, start
from airtune.testing.kubernetes_containerd import full_name
from airtune.testing.kubernetes_control import wait_until
from airtune.testing.kubernetes_disposable import API_SERVER, KUBELET, Disposable
from airtune.testing.kubernetes_host import SETTINGS
from airtune.testing.kubernetes_place import Addresses, Place
from airtune.testing.kubernetes_tar import BUSYBOX, SIDECAR, archive

pytestmark = [pytest.mark.kubernetes, pytest.mark.disposable]

START_S = 60.0
ODD = "airtune-test/odd:1"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, so that another cluster can stand beside the session's."""
    folder, built = tmp_path / "cache", programs()
    folder.mkdir()
    (folder / built.name).symlink_to(built)
    monkeypatch.setenv("AIRTUNE_TEST_CACHE", str(folder))
    return folder


def _host(name: str) -> str:
    """What a cluster can change on its host, without what changes by itself."""
    words = (
        ["iptables-save"],
        ["nft", "list", "tables"],
        ["ip", "-br", "link"],
        ["ip", "route"],
        ["ip", "netns", "list"],
    )
    texts = [subprocess.run(w, capture_output=True, text=True, check=True).stdout for w in words]
    texts.append(Path("/proc/self/mountinfo").read_text())
    texts += map(str, Path("/sys/fs/cgroup").glob(f"*/{name}"))
    texts += map(str, Path("/run").glob(f"{name}*"))
    return "\n".join(texts)


def _settings() -> dict[str, str]:
    return {name: Path("/proc/sys", name).read_text() for name in SETTINGS}


def _pod(api: ClusterApi, namespace: str, name: str, **spec: Any) -> str:
    """Make a pod that sleeps; returns its path."""
    container = {"name": "main", "image": BUSYBOX, "command": ["sleep", "600"]}
    path = f"/api/v1/namespaces/{namespace}/pods"
    body = {"kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}}
    api.post(path, body | {"spec": {"containers": [container], **spec}})
    return f"{path}/{name}"


def _runs(api: ClusterApi, path: str) -> bool:
    with suppress(ApiRefused):
        return bool(api.get(path)["status"].get("phase") == "Running")
    return False


def _processes(word: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if word in " ".join(process.cmdline()):
                found.append(process.name())
    return found


def _connect(cluster: KubernetesCluster) -> ClusterApi:
    from kubernetes.config import new_client_from_config

    return ClusterApi(new_client_from_config(str(cluster.place.kubeconfig)))


def test_a_cluster_leaves_its_host_and_the_cluster_beside_it_as_they_were(
    cache: Path, cluster_api: ClusterApi
) -> None:
    name = Place.below(cache).name
    settings = _settings()
    with kubernetes_cluster() as cluster:
        api = _connect(cluster)
        path = _pod(api, "default", "left", terminationGracePeriodSeconds=600)
        wait_until(lambda: _runs(api, path), START_S, "the pod")
        api.client.rest_client.pool_manager.clear()
        assert name in _host(name)
    after = _host(name)
    assert name not in after
    assert str(cache) not in after
    assert _settings() == settings
    assert not _processes(str(cache))
    assert not _processes(name)
    assert cluster_api.text("/readyz") == "ok"


def test_a_cluster_dies_with_its_session_and_the_next_one_has_only_its_images(
    cache: Path,
) -> None:
    place = Place.below(cache)
    words = [sys.executable, "-m", "airtune.testing.kubernetes_cluster"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout is not None
        assert str(place.kubeconfig) in session.stdout.readline()
        cluster = Disposable(place.run)
        assert cluster.answers()
        cluster.containerd.load([ODD], "content", [archive([ODD], {"odd": b"odd"}, {}, ["/odd"])])
        session.kill()
    wait_until(lambda: not _processes(place.name), START_S, "the end of the components")
    assert place.run.exists()
    assert place.name in _host(place.name)
    with kubernetes_cluster() as again:
        api = _connect(again)
        found = api.get("/api/v1/pods")["items"]
        api.client.rest_client.pool_manager.clear()
        assert {pod["metadata"]["namespace"] for pod in found} == {"kube-system"}
        assert again.containerd.images()[full_name(ODD)] == "content"
    assert place.name not in _host(place.name)


def test_two_sessions_do_not_share_a_cluster(cluster_api: ClusterApi) -> None:
    with pytest.raises(RuntimeError, match="Another test session uses the cluster"):
        start()
    assert cluster_api.text("/readyz") == "ok"


def test_one_command_starts_it_and_one_ends_it(cache: Path) -> None:
    words = [sys.executable, "-m", "airtune.testing.kubernetes_cluster"]
    up = subprocess.run([*words, "up"], capture_output=True, text=True, check=True)
    place = Place.below(cache)
    assert f"export AIRTUNE_TEST_KUBECONFIG={place.kubeconfig}\n" in up.stdout
    assert Disposable(place.run).answers()
    subprocess.run([*words, "down"], check=True)
    assert place.name not in _host(place.name)
    subprocess.run([*words, "down"], check=True)  # there is nothing to end


def test_the_node_has_room_for_the_tests_and_the_images_they_use(
    cluster_api: ClusterApi, disposable_cluster: Disposable
) -> None:
    (node,) = cluster_api.get("/api/v1/nodes")["items"]
    assert int(node["status"]["allocatable"]["cpu"]) >= 2
    assert node["status"]["allocatable"]["pods"] == "100"
    there = disposable_cluster.containerd.images()
    assert {full_name(name) for name in (BUSYBOX, SIDECAR)} <= there.keys()


def test_this_host_reaches_pods_and_services(
    cluster_api: ClusterApi, own_namespace: str, disposable_cluster: Disposable
) -> None:
    script = "echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"
    container = {"name": "main", "image": BUSYBOX, "command": ["sh", "-c", script]}
    path = _pod(cluster_api, own_namespace, "web", containers=[container])
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    service = {"kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    made = cluster_api.post(f"/api/v1/namespaces/{own_namespace}/services", service)
    wait_until(lambda: _runs(cluster_api, path), START_S, "the pod")
    pod = cluster_api.get(path)["status"]["podIP"]
    addresses = Addresses(IPv4Network((pod, 16), strict=False))
    for url in (f"http://{pod}:8080/", f"http://{made['spec']['clusterIP']}/"):
        wait_until(lambda url=url: _answers(url), START_S, url)
    assert IPv4Network((pod, 32)).subnet_of(addresses.pods)
    assert disposable_cluster.answers()


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=2, trust_env=False).text == "hello\n"
    return False


def test_a_killed_api_server_stays_down_until_it_is_restarted_and_knows_its_pods(
    disposable_cluster: Disposable, cluster_api: ClusterApi, own_namespace: str
) -> None:
    path = _pod(cluster_api, own_namespace, "stays")
    wait_until(lambda: _runs(cluster_api, path), START_S, "the pod")
    disposable_cluster.kill()
    assert not disposable_cluster.answers()
    assert not disposable_cluster.control.runs(API_SERVER)
    with pytest.raises(ApiRefused) as refused:
        cluster_api.get(path)
    assert refused.value.status == 0
    disposable_cluster.restart()
    assert _runs(cluster_api, path)


def test_pods_outlive_a_restart_of_kubelet_and_of_containerd(
    disposable_cluster: Disposable, cluster_api: ClusterApi, own_namespace: str
) -> None:
    path = _pod(cluster_api, own_namespace, "stays")
    wait_until(lambda: _runs(cluster_api, path), START_S, "the pod")
    began = cluster_api.get(path)["status"]["containerStatuses"][0]["containerID"]
    for component in (KUBELET, "containerd"):
        disposable_cluster.restart(component)
    other = _pod(cluster_api, own_namespace, "later")
    wait_until(lambda: _runs(cluster_api, other), START_S, "another pod")
    assert cluster_api.get(path)["status"]["containerStatuses"][0]["containerID"] == began


def test_a_component_that_crashes_comes_back_by_itself(disposable_cluster: Disposable) -> None:
    control = disposable_cluster.control
    before = control.ends()["kube-scheduler"]
    scheduler = f"{programs()}/kube-scheduler"
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if words[:1] == [scheduler] and any(str(disposable_cluster.run) in w for w in words):
                process.kill()
    wait_until(lambda: control.ends()["kube-scheduler"] == before + 1, START_S, "its end")
    wait_until(lambda: control.runs("kube-scheduler"), START_S, "its return")
