"""Trials in a cluster that fail in every way a cluster knows: right class, quick, nothing left."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.airflow.kubernetes.conftest import FAKE_IMAGE, GPU, ClusterSite, cluster_task
from tests.airflow.kubernetes.disturbances import begin_disturbed

from airtune.launchers.kubernetes.names import annotations_of, labels_of
from airtune.records import FailureClass, TrialState

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.kubernetes,
    pytest.mark.timeout(900),
]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}
CRASH, OOM, NEVER, REFUSED, KILLED = 2, 3, 4, 5, 6
RULES = [
    BEST,
    {"when": {"random-seed": CRASH}, "exit_at_start": 3},
    {"when": {"random-seed": OOM}, "eat_memory_mb": 512},
    {"when": {"random-seed": NEVER}, "never_ready": True},
    {"when": {"random-seed": KILLED}, "die_after_requests": 4},
]
START_S = 30.0
SCARCE = "airtune.test/scarce"
LONG_HELD_S = 40.0
"""Longer than a worker waits: deferred."""
SHORT_HELD_S = 8.0
POLICY = "airtune-test-no-seed-5"


@pytest.fixture(scope="module")
def foreign(cluster_site: ClusterSite) -> Iterator[list[str]]:
    """Pods of the same namespace: one without labels, one of another installation."""
    labels = labels_of("other", "autotune_kubernetes/other", 0, 1, "server")
    annotations = annotations_of("other", "autotune_kubernetes/other")
    names = []
    for name, metadata in (
        ("foreign-plain", {}),
        ("foreign-other", {"labels": labels, "annotations": annotations}),
    ):
        cluster_site.admin.post(cluster_site.path("pods"), _sleeper(name, metadata))
        names.append(name)
    yield names
    for name in names:
        cluster_site.admin.delete(cluster_site.path("pods", name), gracePeriodSeconds="0")


def _sleeper(name: str, metadata: dict[str, Any], **container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **metadata},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "sleep",
                    "image": f"{FAKE_IMAGE}:latest",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-c", "import time; time.sleep(3600)"],
                    **container,
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def gpus(cluster_site: ClusterSite) -> Iterator[None]:
    """The node offers four of two extended resources; the namespace's quota of one is three.

    Two pods hold three of the one and two of the other for a while.
    """
    admin, space = cluster_site.admin, cluster_site.namespace
    node = f"/api/v1/nodes/{_node(cluster_site)}/status"
    offered = {GPU: "4", SCARCE: "4"}
    admin.patch(node, {"status": {"capacity": offered, "allocatable": offered}})
    cluster_site.api.until(lambda: _offers(cluster_site, GPU), 60, "the node to offer it")
    admin.post(
        f"/api/v1/namespaces/{space}/resourcequotas",
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "scarce"},
            "spec": {"hard": {f"requests.{SCARCE}": "3"}},
        },
    )
    for name, resource, count in (("holds-gpus", GPU, "3"), ("holds-scarce", SCARCE, "2")):
        limits = {"resources": {"limits": {resource: count}}}
        admin.post(cluster_site.path("pods"), _sleeper(name, {}, **limits))
    yield
    admin.delete(f"/api/v1/namespaces/{space}/resourcequotas/scarce")
    no_more = dict.fromkeys(offered)
    admin.patch(node, {"status": {"capacity": no_more, "allocatable": no_more}})


def _offers(site: ClusterSite, resource: str) -> bool:
    (node, *_) = site.admin.get("/api/v1/nodes")["items"]
    return resource in node["status"]["allocatable"]


def _give_back_after(site: ClusterSite, run: str, holder: str, held_s: float) -> None:
    """Delete ``holder`` so long after the baseline of ``run`` was measured."""

    def measured() -> bool:
        trials = site.site.trials(run)
        return any(trial.state is TrialState.SUCCEEDED for trial in trials)

    site.api.until(measured, 400, f"the baseline of {run}")
    time.sleep(held_s)
    site.admin.delete(site.path("pods", holder), gracePeriodSeconds="0")


def _node(site: ClusterSite) -> str:
    return str(site.admin.get("/api/v1/nodes")["items"][0]["metadata"]["name"])


@pytest.fixture(scope="module")
def policy(cluster_site: ClusterSite) -> Iterator[None]:
    """Admission refuses pods with ``--random-seed 5`` in this namespace."""
    admin, root = cluster_site.admin, "/apis/admissionregistration.k8s.io/v1"
    expression = (
        "!has(object.spec.containers[0].args) || "
        "!(object.spec.containers[0].args.join(' ').contains('--random-seed 5'))"
    )
    admin.post(
        f"{root}/validatingadmissionpolicies",
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": POLICY},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": ["pods"],
                        }
                    ]
                },
                "validations": [{"expression": expression, "message": "seed five is forbidden"}],
            },
        },
    )
    admin.post(
        f"{root}/validatingadmissionpolicybindings",
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": POLICY},
            "spec": {
                "policyName": POLICY,
                "validationActions": ["Deny"],
                "matchResources": {
                    "namespaceSelector": {
                        "matchLabels": {"kubernetes.io/metadata.name": cluster_site.namespace}
                    }
                },
            },
        },
    )
    yield
    admin.delete(f"{root}/validatingadmissionpolicybindings/{POLICY}")
    admin.delete(f"{root}/validatingadmissionpolicies/{POLICY}")


@pytest.fixture(scope="module")
def faults(cluster_site: ClusterSite, foreign: list[str], policy: None, gpus: None) -> ClusterSite:
    """All runs at once, all over."""
    begin_disturbed(cluster_site)
    space = cluster_site.namespace
    limits = {"limits": {"memory": "256Mi"}}
    tasks = {
        "k-mixed": cluster_task(
            "k-mixed",
            space,
            parameters={"random_seed": [1, CRASH, OOM, NEVER, REFUSED]},
            rules=RULES,
            timeouts={"start_s": START_S},
            kubernetes=limits,
        ),
        "k-killed": cluster_task(
            "k-killed",
            space,
            replay=False,
            parameters={"random_seed": [KILLED]},
            rules=RULES,
        ),
        "k-no-image": cluster_task(
            "k-no-image",
            space,
            parameters={"random_seed": [1]},
            image="airtune-test/missing",
            kubernetes={"image_pull_policy": "Never"},
        ),
    }
    for run, resource, sizes in (("k-gpus", GPU, [2, 8]), ("k-quota", SCARCE, [2, 4])):
        tasks[run] = cluster_task(
            run,
            space,
            parameters={"tp_size": sizes},
            kubernetes={"gpu_resource": resource, "gpus": None},
            timeouts={"capacity_s": 600, "start_s": 60},
        )
    for run, task in tasks.items():
        cluster_site.api.trigger({"task": task}, run)
    for given_back in (
        ("k-gpus", "holds-gpus", LONG_HELD_S),
        ("k-quota", "holds-scarce", SHORT_HELD_S),
    ):
        threading.Thread(
            target=_give_back_after, args=(cluster_site, *given_back), daemon=True
        ).start()
    for run in tasks:
        cluster_site.api.wait(run, timeout_s=600)
    return cluster_site


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (CRASH, FailureClass.STARTUP_CRASH),
        (OOM, FailureClass.OOM),
        (NEVER, FailureClass.STARTUP_TIMEOUT),
        (REFUSED, FailureClass.INVALID_CONFIG),
    ],
)
def test_each_bad_one_gets_its_class(
    faults: ClusterSite, seed: int, expected: FailureClass
) -> None:
    trial = faults.site.trial("k-mixed", random_seed=seed)
    assert trial.failure.failure_class is expected, trial.failure.reason


def test_the_good_one_wins(faults: ClusterSite) -> None:
    assert faults.api.run_state("k-mixed") == "success"
    assert faults.api.result("k-mixed")["best"] == "random_seed=1"


def test_the_text_of_an_admission_policy_reaches_the_user(faults: ClusterSite) -> None:
    reason = faults.site.trial("k-mixed", random_seed=REFUSED).failure.reason
    assert "seed five is forbidden" in reason


def test_a_server_that_dies_under_load_is_unhealthy(faults: ClusterSite) -> None:
    trial = faults.site.trial("k-killed", random_seed=KILLED)
    assert trial.failure.failure_class is FailureClass.UNHEALTHY, trial.failure.reason


def test_a_missing_image_fails_every_trial_quickly(faults: ClusterSite) -> None:
    for trial in faults.site.trials("k-no-image"):
        assert trial.failure.failure_class is FailureClass.IMAGE, trial.failure.reason
        assert "missing" in trial.failure.reason


def test_more_gpus_than_any_node_has_fails_at_once(faults: ClusterSite) -> None:
    trial = faults.site.trial("k-gpus", tp_size=8)
    assert trial.failure.failure_class is FailureClass.INVALID_CONFIG
    assert GPU in trial.failure.reason
    assert "4" in trial.failure.reason


def test_more_than_a_quota_can_ever_hold_fails_at_once(faults: ClusterSite) -> None:
    trial = faults.site.trial("k-quota", tp_size=4)
    assert trial.failure.failure_class is FailureClass.INVALID_CONFIG
    assert "quota" in trial.failure.reason


@pytest.mark.parametrize(("run", "held_s"), [("k-gpus", LONG_HELD_S), ("k-quota", SHORT_HELD_S)])
def test_capacity_is_waited_for_and_not_charged(
    faults: ClusterSite, run: str, held_s: float
) -> None:
    trial = faults.site.trial(run, tp_size=2)
    assert trial.state is TrialState.SUCCEEDED, trial.failure
    assert len(trial.devices) == 2
    assert trial.seconds.start < held_s


def test_a_long_wait_for_capacity_is_left_to_the_triggerer(faults: ClusterSite) -> None:
    slot = faults.site.slot("k-gpus", tp_size=2)
    assert "deferred" in faults.api.log("k-gpus", "slot.deploy", slot)


@pytest.mark.parametrize("run", ["k-mixed", "k-killed", "k-no-image", "k-gpus", "k-quota"])
def test_nothing_is_left_and_nothing_foreign_is_touched(
    faults: ClusterSite, foreign: list[str], run: str
) -> None:
    assert faults.left_of(run) == []
    for name in foreign:
        pod = faults.admin.get(faults.path("pods", name))
        assert pod["status"]["phase"] == "Running"
        assert "deletionTimestamp" not in pod["metadata"]
