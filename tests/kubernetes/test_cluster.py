"""What airtune relies on in a cluster; the tests' own has to be a real one in all of it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.exec import ExecFailed, run
from airtune.launchers.kubernetes.forward import Forward
from airtune.launchers.kubernetes.handle import Handle
from airtune.testing.kubernetes_control import wait_until
from airtune.testing.kubernetes_tar import BUSYBOX

pytestmark = pytest.mark.kubernetes

PAGE = "served-by-a-pod"
WIDGETS = "/apis/example.test/v1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POD_S = 60.0
_PATIENT = "until wget -q -O-"
"""A Service works some tenths of a second after it was made."""


class Pods:
    """Pods of a namespace."""

    def __init__(self, api: ClusterApi, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    def path(self, plural: str, name: str = "", group: str = "/api/v1") -> str:
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def make(self, name: str, script: str, **container: Any) -> None:
        words = {"command": ["sh", "-c", script], "image": BUSYBOX, "name": "main"}
        spec = {
            "containers": [words | {"imagePullPolicy": "IfNotPresent"} | container],
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
        }
        metadata = {"name": name, "labels": {"app": name}}
        self.api.post(self.path("pods"), {"kind": "Pod", "metadata": metadata, "spec": spec})

    def phase(self, name: str) -> str:
        return str(self.api.get(self.path("pods", name))["status"].get("phase"))

    def wait(self, name: str, *phases: str) -> str:
        """The phase it has reached, one of ``phases``."""
        wait_until(lambda: self.phase(name) in phases, POD_S, f"pod {name} {self.phase(name)}")
        return self.phase(name)

    def log(self, name: str, **query: str) -> str:
        return self.api.text(self.path("pods", name) + "/log", **query)

    def run(self, name: str, script: str, **container: Any) -> str:
        """The log of a pod that has ended."""
        self.make(name, script, **container)
        self.wait(name, "Succeeded", "Failed")
        return self.log(name)


@pytest.fixture
def pods(cluster_api: ClusterApi, own_namespace: str) -> Pods:
    return Pods(cluster_api, own_namespace)


@pytest.fixture
def web(pods: Pods) -> Pods:
    """A pod ``web`` that serves ``PAGE``, and a Service of that name."""
    script = f"mkdir /www; echo {PAGE} > /www/index.html; exec httpd -f -p 8080 -h /www"
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    pods.make("web", script, readinessProbe=probe)
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    body = {"kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    pods.api.post(pods.path("services"), body)
    pods.wait("web", "Running")
    return pods


def test_output_is_read_while_and_after_a_pod_runs(pods: Pods) -> None:
    pods.make("talks", "echo one; while ! test -f /tmp/go; do sleep 0.1; done; echo two")
    pods.wait("talks", "Running")
    wait_until(lambda: pods.log("talks") == "one\n", POD_S, "the first line")


def test_a_command_in_a_pod_gets_input_and_gives_output_and_its_exit_code(pods: Pods) -> None:
    pods.make("sleeps", "sleep 600")
    pods.wait("sleeps", "Running")
    words = ["sh", "-c", "read line; echo got $line; exit 7"]
    with pytest.raises(ExecFailed) as failed:
        run(pods.api, pods.namespace, "sleeps", "main", words, b"this\n")
    assert failed.value.output == b"got this\n"
    assert failed.value.exit_code == 7


def test_a_port_of_a_pod_is_reached_through_the_api_server(web: Pods) -> None:
    pod = web.api.get(web.path("pods", "web"))["metadata"]
    handle = Handle(
        launcher="kubernetes",
        namespace=web.namespace,
        name="web",
        uid=pod["uid"],
        pods="app=web",
        service="web",
        port=8080,
        container="main",
        engine="sglang",
        health_path="/",
        log="",
    )
    with Forward(web.api, handle) as forward:
        assert httpx.get(forward.url, trust_env=False).text == f"{PAGE}\n"


def test_pods_find_services_by_name(web: Pods) -> None:
    name = f"web.{web.namespace}.svc"
    log = web.run("asks", f"{_PATIENT} http://web/; do sleep 0.2; done; wget -q -O- http://{name}/")
    assert log.count(PAGE) == 2


def test_names_are_looked_up_whole(web: Pods) -> None:
    log = web.run("asks", f"nslookup web.{web.namespace}.svc.cluster.local && echo found")
    assert "found" in log


def test_a_pod_reaches_itself_through_its_service(web: Pods) -> None:
    # Its short name is the pod's own, too.
    script = f"{_PATIENT} http://web.{web.namespace}.svc/; do sleep 0.2; done"
    words = ["sh", "-c", script]
    assert run(web.api, web.namespace, "web", "main", words) == f"{PAGE}\n".encode()


@pytest.mark.parametrize(("script", "condition"), [("exit 0", "Complete"), ("exit 3", "Failed")])
def test_jobs_end_as_their_pods_do(pods: Pods, script: str, condition: str) -> None:
    container = {"name": "main", "image": BUSYBOX, "command": ["sh", "-c", script]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"backoffLimit": 0, "template": template}
    body = {"kind": "Job", "metadata": {"name": "job"}, "spec": spec}
    group = "/apis/batch/v1"
    pods.api.post(pods.path("jobs", group=group), body)
    path = pods.path("jobs", "job", group)
    wait_until(lambda: condition in _true(pods.api.get(path)), POD_S, f"the job {condition}")


def test_memory_beyond_the_limit_ends_a_container_with_the_reason(pods: Pods) -> None:
    pods.make(
        "grows",
        "x=aaaaaaaa; while true; do x=$x$x; done",
        resources={"limits": {"memory": "32Mi"}},
    )
    pods.wait("grows", "Failed")
    status = pods.api.get(pods.path("pods", "grows"))["status"]["containerStatuses"][0]
    assert status["state"]["terminated"]["reason"] == "OOMKilled"


def test_deleting_a_pod_deletes_what_it_owns(web: Pods) -> None:
    pod = web.api.get(web.path("pods", "web"))["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "web", "uid": pod["uid"]}
    web.api.patch(web.path("services", "web"), {"metadata": {"ownerReferences": [owner]}})
    web.api.delete(web.path("pods", "web"))

    def gone() -> bool:
        try:
            web.api.get(web.path("services", "web"))
        except ApiRefused as refused:
            return refused.status == 404
        return False

    wait_until(gone, POD_S, "the end of the Service")


@pytest.fixture
def widgets(cluster_api: ClusterApi) -> Iterator[None]:
    """A kind of objects with a rule in CEL and a status."""
    size = {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}}
    rule = {"rule": "self.size < 10", "message": "a widget that large does not fit"}
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {
        "type": "object",
        "properties": {"spec": size | {"x-kubernetes-validations": [rule]}, "status": status},
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    spec = {
        "group": "example.test",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [version],
    }
    body = {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.test"},
        "spec": spec,
    }
    path = f"{DEFINITIONS}/widgets.example.test"
    cluster_api.post(DEFINITIONS, body)
    try:
        wait_until(lambda: "Established" in _true(cluster_api.get(path)), POD_S, path)
        yield
    finally:
        cluster_api.delete(path)


def _true(found: dict[str, Any]) -> set[str]:
    """The conditions of an object that hold."""
    conditions = found["status"].get("conditions") or []
    return {one["type"] for one in conditions if one["status"] == "True"}


@pytest.mark.usefixtures("widgets")
def test_custom_resources_are_validated_by_schema_and_rules_and_have_a_status(pods: Pods) -> None:
    path = pods.path("widgets", group=WIDGETS)

    def make(name: str, **spec: Any) -> None:
        body = {"apiVersion": "example.test/v1", "kind": "Widget", "metadata": {"name": name}}
        pods.api.post(path, body | {"spec": spec}, fieldValidation="Strict")

    make("small", size=3)
    with pytest.raises(ApiRefused, match="does not fit"):
        make("large", size=30)
    with pytest.raises(ApiRefused, match="greater than or equal to 1"):
        make("nothing", size=0)
    with pytest.raises(ApiRefused, match="unknown field"):
        make("odd", size=3, colour="red")
    pods.api.patch(f"{path}/small/status", {"status": {"ready": True}})
    assert pods.api.get(f"{path}/small")["status"] == {"ready": True}
