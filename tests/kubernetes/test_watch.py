"""What becomes of pods on a real cluster is noticed within seconds, with the right class."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.quantity import quantity
from airtune.launchers.kubernetes.quota import capacity_of_refusal
from airtune.launchers.kubernetes.reach import Reach
from airtune.launchers.kubernetes.stamps import ahead_s
from airtune.launchers.kubernetes.waiting import wait_for
from airtune.launchers.kubernetes.watch import end_of
from airtune.launchers.launcher import Order, StillStarting
from airtune.launchers.probe import Pending, Readiness
from airtune.records import Endpoint, Failure, FailureClass, ServerSpec
from airtune.settings import Settings
from airtune.task.container import ContainerOptions
from airtune.task.model import Model
from airtune.testing.kubernetes_disposable import Disposable

pytestmark = pytest.mark.kubernetes

IMAGE = "airtune-test/fake-sglang:latest"
SPEC = ServerSpec(
    engine="sglang", image=IMAGE, program=("x",), arguments=(), env={}, model_name="m"
)
SOON_S = 30.0
"""Within so many seconds of its creation a pod's trouble is known, on a busy machine of two cores:
a node takes some to set a pod up, and kubelets tell their news a second or two late."""

INVALID, IMAGE_CLASS = FailureClass.INVALID_CONFIG, FailureClass.IMAGE
CRASH, INFRA = FailureClass.STARTUP_CRASH, FailureClass.INFRASTRUCTURE


@pytest.fixture(scope="module")
def place(namespace: Callable[..., str]) -> str:
    return namespace("watch")


def _pod(
    name: str,
    *,
    image: str = IMAGE,
    behaviour: Any = None,
    resources: Any = None,
    container: Any = None,
    **spec: Any,
) -> Json:
    command = ["python3", "-m", "sglang.launch_server", "--served-model-name", "m"]
    server = {
        "name": "server",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": [*command, "--host", "0.0.0.0", "--port", "8000"],
        "env": [{"name": "FAKE_ENGINE", "value": json.dumps(behaviour or {})}],
        "resources": resources or {},
    }
    return {
        "metadata": {"name": name, "labels": {"case": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "containers": [server | (container or {})],
        }
        | spec,
    }


class Case:
    """A pod that was just created, and what is needed to wait for its server."""

    def __init__(self, api: ClusterApi, kubeconfig: Path, place: str, pod: Json, log: Path) -> None:
        self.api, self.heard = api, list[str]()
        made = api.post(paths.pods(place), pod, fieldValidation="Strict")
        self.path = paths.pods(place, made["metadata"]["name"])
        name = made["metadata"]["name"]
        self.handle = Handle(
            launcher="kubernetes",
            namespace=place,
            name=name,
            uid=made["metadata"]["uid"],
            pods=f"case={name}",
            service=name,
            port=8000,
            container="server",
            engine="sglang",
            health_path="/health",
            log=str(log),
        )
        self.order = Order(
            run="dag/run",
            slot=0,
            attempt=1,
            generation=0,
            server=SPEC,
            model=Model(name="m", in_image="/m"),
            container=ContainerOptions(),
            readiness=Readiness(model_name="m"),
            devices=(),
            log=log,
            start_limit_s=90.0,
            pull_limit_s=90.0,
            capacity_limit_s=90.0,
            say=self.heard.append,
        )
        self.settings = Settings.load(
            {"AIRTUNE_HOME": str(log.parent), "AIRTUNE_KUBECONFIG": str(kubeconfig)}
        )

    @property
    def endpoint(self) -> Endpoint:
        handle = self.handle.model_dump(mode="json")
        return Endpoint(base_url=self.handle.inside_url, model_name="m", trial_id=7, handle=handle)

    def until_ready(self, patience_s: float = 80.0) -> Endpoint:
        with Reach(self.api, self.settings) as reach:
            return wait_for(
                self.api,
                self.order,
                self.endpoint,
                patience_s,
                url=reach.url,
                look=lambda: None,
            )

    def failure(self) -> tuple[Failure, float]:
        """How waiting failed, and after how many seconds."""
        began = time.monotonic()
        with pytest.raises(TrialFailed) as caught:
            self.until_ready()
        return caught.value.failure, time.monotonic() - began

    def end(self) -> None:
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        with suppress(ApiRefused):  # it may be gone already
            self.api.delete(self.path, options)


Made = Callable[[Json], Case]


@pytest.fixture
def made(cluster_api: ClusterApi, kubeconfig: Path, place: str, tmp_path: Path) -> Any:
    """Create a pod; it is gone after the test."""
    cases: list[Case] = []

    def make(pod: Json) -> Case:
        cases.append(Case(cluster_api, kubeconfig, place, pod, tmp_path / "server.log"))
        return cases[-1]

    yield make
    for case in cases:
        case.end()


SECRET = {"secretKeyRef": {"name": "hf-token", "key": "token"}}
ALWAYS = {"restartPolicy": "Always"}
HOST_PATH = {"path": "/srv/models/that/is/not/there", "type": "Directory"}
BROKEN = {"log": "Error: bad luck", "exit_at_start": 3}


@pytest.mark.parametrize(
    ("pod", "expected", "words"),
    [
        (
            _pod("much-cpu", resources={"requests": {"cpu": "4096"}}),
            INVALID,
            ["4096 of cpu", "the largest node", "Insufficient cpu"],
        ),
        (
            _pod("gpus", resources={"limits": {"airtune.watch/accelerator": "1"}}),
            INVALID,
            ["1 of airtune.watch/accelerator", "has 0"],
        ),
        (
            _pod("selector", nodeSelector={"airtune.test/pool": "none"}),
            INVALID,
            ["airtune.test/pool=none"],
        ),
        (
            _pod(
                "claim",
                volumes=[{"name": "m", "persistentVolumeClaim": {"claimName": "no-such-claim"}}],
            ),
            INVALID,
            ["no-such-claim"],
        ),
        (
            _pod("secret", container={"env": [{"name": "HF_TOKEN", "valueFrom": SECRET}]}),
            INVALID,
            ['secret "hf-token" not found'],
        ),
        (
            _pod(
                "folder",
                volumes=[{"name": "model", "hostPath": HOST_PATH}],
                container={"volumeMounts": [{"name": "model", "mountPath": "/model"}]},
            ),
            INVALID,
            ["/srv/models/that/is/not/there is not a directory"],
        ),
        (_pod("bad-name", image="Team/Engine:1"), IMAGE_CLASS, ["InvalidImageName"]),
        (
            _pod("never", image="nowhere/none:1", container={"imagePullPolicy": "Never"}),
            IMAGE_CLASS,
            ["ErrImageNeverPull"],
        ),
        (
            _pod("program", container={"command": ["/no/such/program"]}),
            IMAGE_CLASS,
            ["/no/such/program"],
        ),
        (
            _pod(
                "oom",
                behaviour={"eat_memory_mb": 200},
                resources={"limits": {"memory": "64Mi"}},
            ),
            FailureClass.OOM,
            ["64Mi", "kubernetes.limits.memory"],
        ),
        (_pod("crash", behaviour=BROKEN), CRASH, ["bad luck"]),
        (_pod("crash-loop", behaviour=BROKEN, **ALWAYS), CRASH, ["bad luck"]),
        (_pod("gpu-oom", behaviour={"oom_log": True}), FailureClass.OOM, ["memory"]),
        (
            _pod(
                "probe",
                behaviour={"never_ready": True},
                container={
                    "startupProbe": {
                        "httpGet": {"path": "/health", "port": 8000},
                        "periodSeconds": 1,
                    }
                },
                **ALWAYS,
            ),
            CRASH,
            ["startup probe", "503"],
        ),
        (_pod("limit", activeDeadlineSeconds=1), INFRA, ["activeDeadlineSeconds"]),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
def test_each_trouble_has_its_class_within_seconds(
    made: Made, pod: Json, expected: FailureClass, words: list[str]
) -> None:
    failure, seconds = made(pod).failure()
    assert failure.failure_class is expected, failure.reason
    for one in words:
        assert one in failure.reason
    assert seconds < SOON_S


def test_a_server_becomes_ready_and_its_pods_deletion_is_noticed(made: Made) -> None:
    case = made(_pod("good", behaviour={"start_s": 1.0}))
    ready = case.until_ready()
    assert end_of(case.api, Handle.of(ready), FailureClass.UNHEALTHY) is None
    assert "listens on port 8000" in case.order.log.read_text()
    assert any("listens on port 8000" in text for text in case.heard)
    case.api.delete(case.path)
    deadline = time.monotonic() + 5.0
    while (found := end_of(case.api, case.handle, FailureClass.UNHEALTHY)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert found.failure_class is INFRA


def test_a_pod_deleted_while_it_starts_is_infrastructure(made: Made) -> None:
    case = made(_pod("vanishing", behaviour={"never_ready": True}))
    timer = threading.Timer(3.0, case.end)
    timer.start()
    failure, seconds = case.failure()
    timer.join()
    assert failure.failure_class is INFRA
    assert seconds < SOON_S


def test_a_server_that_is_never_ready_is_a_timeout_of_its_start(made: Made) -> None:
    case = made(_pod("never-ready", behaviour={"never_ready": True}))
    case.order = replace(case.order, start_limit_s=4.0)
    failure, _ = case.failure()
    assert failure.failure_class is FailureClass.STARTUP_TIMEOUT
    assert "listens on port 8000" in failure.log_tail


def test_an_image_whose_registry_cannot_be_reached_has_the_pulls_time(made: Made) -> None:
    case = made(_pod("no-registry", image="registry.invalid/team/engine:1"))
    case.order = replace(case.order, pull_limit_s=6.0)
    failure, _ = case.failure()
    assert failure.failure_class is IMAGE_CLASS
    assert "registry.invalid" in failure.reason
    assert any(text.startswith("pulling image registry.invalid") for text in case.heard)


def test_waiting_for_room_is_no_failure_and_ends_when_there_is_some(
    made: Made, cluster_api: ClusterApi
) -> None:
    [node, *_] = cluster_api.get("/api/v1/nodes")["items"]
    most = f"{int(600 * quantity(node['status']['allocatable']['cpu']))}m"  # not twice on it
    host = {"kubernetes.io/hostname": node["metadata"]["labels"]["kubernetes.io/hostname"]}
    asked = {"resources": {"requests": {"cpu": most}}, "nodeSelector": host}
    first = made(_pod("has-room", **asked))
    first.until_ready()
    second = made(_pod("has-none", **asked))
    with pytest.raises(StillStarting) as caught:
        second.until_ready(3.0)
    assert caught.value.deadline - time.time() == pytest.approx(87.0, abs=4.0)
    assert second.heard[0].startswith("waiting for capacity: ")
    assert "Insufficient cpu" in second.heard[0]
    patient, second.order = second.order, replace(second.order, capacity_limit_s=5.0)
    failure, _ = second.failure()
    assert failure.failure_class is INFRA
    assert "Insufficient cpu" in failure.reason
    second.order = patient
    first.end()
    second.until_ready()


def test_a_quotas_refusal_says_whether_there_can_ever_be_room(
    cluster_api: ClusterApi, namespace: Callable[..., str]
) -> None:
    place = namespace("watch-quota")
    quota = f"/api/v1/namespaces/{place}/resourcequotas"
    cluster_api.post(
        quota, {"metadata": {"name": "team"}, "spec": {"hard": {"requests.cpu": "20m"}}}
    )
    deadline = time.monotonic() + 20.0
    while not cluster_api.get(f"{quota}/team").get("status", {}).get("hard"):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    def asking(name: str, cpu: str) -> Json:
        return _pod(name, resources={"requests": {"cpu": cpu}})

    cluster_api.post(paths.pods(place), asking("first", "15m"))
    for name, cpu, expected in (("second", "15m", Pending), ("third", "30m", Failure)):
        with pytest.raises(ApiRefused) as caught:
            cluster_api.post(paths.pods(place), asking(name, cpu))
        found = capacity_of_refusal(caught.value, place)
        assert isinstance(found, expected)
        assert "requests.cpu" in found.reason


def test_the_api_server_tells_its_clock(cluster_api: ClusterApi) -> None:
    assert abs(ahead_s(cluster_api)) < 3600.0


@pytest.mark.disposable
def test_a_restart_of_the_api_server_is_ridden_out(
    made: Made, disposable_cluster: Disposable
) -> None:
    case = made(_pod("patient", behaviour={"start_s": 8.0}))
    timer = threading.Timer(4.0, lambda: disposable_cluster.restart("kube-apiserver"))
    timer.start()
    case.until_ready()
    timer.join()
