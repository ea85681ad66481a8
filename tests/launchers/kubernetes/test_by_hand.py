"""Stored objects as manifests that can be applied again, with nothing of airtune's left."""

from typing import Any

from airtune.launchers.kubernetes.by_hand import LABEL, manifests_by_hand
from airtune.launchers.kubernetes.handle import Handle
from airtune.testing.fake_cluster import FakeCluster

OME = "/apis/ome.io/v1beta1/namespaces/default/inferenceservices"
METADATA: dict[str, Any] = {
    "name": "airtune-1",
    "namespace": "default",
    "labels": {"airtune/installation": "here", "airtune/run": "abc", "team": "nlp"},
    "annotations": {"airtune/run-id": "dag/run", "note": "kept"},
    "ownerReferences": [{"kind": "Pod", "uid": "1"}],
    "finalizers": ["x"],
}
POD: dict[str, Any] = {
    "restartPolicy": "Never",
    "activeDeadlineSeconds": 90000,
    "nodeName": "node1",
    "priority": 0,
    "serviceAccountName": "default",
    "tolerations": [
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists"},
        {"key": "nvidia.com/gpu", "operator": "Exists"},
    ],
    "volumes": [{"name": "kube-api-access-x"}, {"name": "model"}],
    "containers": [
        {
            "name": "server",
            "args": ["--model", "/model"],
            "env": [
                {"name": "OMP_NUM_THREADS", "value": "1"},
                {"name": "MY_TOKEN", "value": "hunter2"},
                {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "k"}}},
            ],
            "volumeMounts": [{"name": "kube-api-access-x"}, {"name": "model"}],
        }
    ],
}


def a_handle(launcher: Any) -> Handle:
    return Handle(
        launcher=launcher,
        namespace="default",
        name="airtune-1",
        uid="1",
        pods="x",
        service="airtune-1",
        port=8000,
        container="server",
        engine="sglang",
        health_path="/health",
        log="server.log",
    )


def in_kubernetes() -> list[dict[str, Any]]:
    cluster = FakeCluster("default")
    pod = {"metadata": METADATA, "spec": POD, "status": {"phase": "Running"}}
    spec = {"clusterIP": "10.0.0.7", "selector": {"airtune/run": "abc"}, "ports": [{"port": 8000}]}
    cluster.add("/api/v1/namespaces/default/pods", pod)
    cluster.add("/api/v1/namespaces/default/services", {"metadata": METADATA, "spec": spec})
    return manifests_by_hand(cluster, a_handle("kubernetes"), "by-hand-x")


def test_no_run_owns_them_and_nobody_removes_them() -> None:
    for one in in_kubernetes():
        assert one["metadata"] == {
            "name": "by-hand-x",
            "namespace": "default",
            "labels": {"team": "nlp", LABEL: "by-hand-x"},
            "annotations": {"note": "kept"},
        }
        assert set(one) == {"apiVersion", "kind", "metadata", "spec"}


def test_what_the_cluster_has_put_in_is_left_out() -> None:
    pod, service = in_kubernetes()
    assert set(pod["spec"]) == {"restartPolicy", "tolerations", "volumes", "containers"}
    assert pod["spec"]["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert pod["spec"]["volumes"] == [{"name": "model"}]
    assert pod["spec"]["containers"][0]["volumeMounts"] == [{"name": "model"}]
    assert service["spec"] == {"selector": {LABEL: "by-hand-x"}, "ports": [{"port": 8000}]}


def test_what_was_asked_for_stays_and_secrets_do_not() -> None:
    (container,) = in_kubernetes()[0]["spec"]["containers"]
    assert container["args"] == ["--model", "/model"]
    assert [one["name"] for one in container["env"]] == ["OMP_NUM_THREADS", "HF_TOKEN"]
    assert "hunter2" not in str(in_kubernetes())


def test_in_ome_it_is_the_inference_service() -> None:
    cluster = FakeCluster("default", ome=True)
    spec = {"engine": {"runner": {"name": "ome-container", "args": ["--tp-size", "2"]}}}
    cluster.add(OME, {"metadata": METADATA, "spec": spec, "status": {"conditions": []}})
    (one,) = manifests_by_hand(cluster, a_handle("ome"), "by-hand-x")
    assert one["kind"] == "InferenceService"
    assert one["spec"] == spec
    assert "finalizers" not in one["metadata"]
