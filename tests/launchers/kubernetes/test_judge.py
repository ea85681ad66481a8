import pytest
from tests.launchers.kubernetes.recordings import recorded

from airtune.launchers.kubernetes.events import Event
from airtune.launchers.kubernetes.judge import failure_of
from airtune.records import Failure, FailureClass

CRASH = FailureClass.STARTUP_CRASH
UNHEALTHY = FailureClass.UNHEALTHY
INVALID = FailureClass.INVALID_CONFIG
INFRA = FailureClass.INFRASTRUCTURE
IMAGE = FailureClass.IMAGE
OOM = FailureClass.OOM


def _judged(name: str, crash: FailureClass = CRASH) -> Failure | None:
    found = recorded(name)
    return failure_of(found.state, found.events, found.log, "sglang", crash)


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("image-not-found-errimagepull", IMAGE, ["not-there:1: not found", "image_tag"]),
        ("image-not-found-imagepullbackoff", IMAGE, ["not-there:1: not found"]),
        ("image-unauthorized-errimagepull", IMAGE, ["401 Unauthorized", "image_pull_secrets"]),
        ("image-unauthorized-imagepullbackoff", IMAGE, ["401 Unauthorized"]),
        ("image-invalid", IMAGE, ["Team/Engine:1", "InvalidImageName", "must be lowercase"]),
        ("image-never", IMAGE, ["nowhere/none:1", "image_pull_policy"]),
        ("missing-secret", INVALID, ['secret "hf-token" not found', "Create it"]),
        ("missing-configmap", INVALID, ['configmap "no-such-map" not found']),
        ("missing-claim", INVALID, ['"no-such-claim" not found', "model_claim"]),
        ("missing-hostpath", INVALID, ["/srv/models/none is not a directory", "model.root"]),
        ("missing-secret-volume", INVALID, ['secret "none" not found']),
        ("oom-killed", OOM, ["its limit of 64Mi", "kubernetes.limits.memory"]),
        ("gpu-oom", OOM, ["memory"]),
        ("exit-3", CRASH, ["bad luck"]),
        ("crash-loop-error", CRASH, ["bad luck"]),
        ("crash-loop-crashloopbackoff", CRASH, ["bad luck"]),
        ("completed", CRASH, ["exit code 0"]),
        ("no-program", IMAGE, ["/no/such/program", "image_tag"]),
        ("no-program-always-crashloopbackoff", IMAGE, ["/no/such/program"]),
        ("no-program-always-runcontainererror", IMAGE, ["/no/such/program"]),
        ("liveness", CRASH, ["liveness probe", "statuscode: 503", "failureThreshold"]),
        ("liveness-always", CRASH, ["startup probe", "statuscode: 503"]),
        ("evicted", INFRA, ["evicted", 'EmptyDir volume "d" exceeds the limit', "node1"]),
        ("preempted", INFRA, ["preempting to accommodate a higher priority pod"]),
        ("deleted", INFRA, ["is being deleted", "somebody"]),
        ("deadline", INFRA, ["activeDeadlineSeconds", "longer than the specified deadline"]),
    ],
)
def test_what_a_real_cluster_said_has_its_class_its_words_and_the_fix(
    name: str, expected: FailureClass, words: list[str]
) -> None:
    failure = _judged(name)
    assert failure is not None
    assert failure.failure_class is expected, failure.reason
    for one in words:
        assert one in failure.reason


@pytest.mark.parametrize(
    "name",
    [
        "running",
        "never-ready",
        "unschedulable-cpu",
        "unschedulable-gpu",
        "unschedulable-selector",
        "image-unreachable-errimagepull",
        "image-unreachable-imagepullbackoff",
    ],
)
def test_what_may_still_become_a_server_is_no_failure(name: str) -> None:
    assert _judged(name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exit-3", UNHEALTHY),
        ("oom-killed", OOM),
        ("gpu-oom", OOM),
        ("deleted", INFRA),
        ("evicted", INFRA),
        ("crash-loop-crashloopbackoff", UNHEALTHY),
    ],
)
def test_a_server_that_was_ready_is_unhealthy_where_nothing_tells_more(
    name: str, expected: FailureClass
) -> None:
    failure = _judged(name, UNHEALTHY)
    assert failure is not None
    assert failure.failure_class is expected


def test_a_server_that_had_ended_before_its_pod_was_deleted_has_its_own_class() -> None:
    found = recorded("exit-3")
    found.pod["metadata"] |= {
        "deletionTimestamp": "2100-01-01T00:00:30Z",
        "deletionGracePeriodSeconds": 30,
    }
    failure = failure_of(found.state, found.events, found.log, "sglang", CRASH)
    assert failure is not None
    assert failure.failure_class is CRASH


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("NodeLost", "Node node1 which was running pod x is unresponsive"),
        ("Terminated", "Pod was terminated in response to imminent node shutdown."),
        ("UnexpectedAdmissionError", "Allocate failed due to no healthy devices"),
        ("OutOfcpu", "Node didn't have enough resource: cpu"),
    ],
)
def test_what_the_node_does_to_a_pod_is_infrastructure(reason: str, message: str) -> None:
    found = recorded("running")
    phase = "Running" if reason == "NodeLost" else "Failed"
    found.pod["status"] |= {"phase": phase, "reason": reason, "message": message}
    failure = failure_of(found.state, found.events, "", "sglang", UNHEALTHY)
    assert failure is not None
    assert failure.failure_class is INFRA
    assert message.rstrip(".") in failure.reason


def test_a_bus_error_is_a_lack_of_shared_memory() -> None:
    found = recorded("exit-3")
    found.pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] = 135
    failure = failure_of(found.state, found.events, "", "vllm", CRASH)
    assert failure is not None
    assert failure.failure_class is OOM
    assert "container.shm_size" in failure.reason


@pytest.mark.parametrize(
    "message",
    [
        'MountVolume.SetUp failed for volume "m" : timed out waiting for the condition',
        'MountVolume.SetUp failed for volume "t" : configmap "kube-root-ca.crt" not found',
        'MountVolume.SetUp failed for volume "t" : object "x"/"y" not registered',
    ],
)
def test_a_mount_that_may_still_succeed_is_waited_for(message: str) -> None:
    found = recorded("missing-hostpath")
    events = [Event(True, "FailedMount", message, 3, 1.0)]
    assert failure_of(found.state, events, "", "sglang", CRASH) is None


def test_a_back_off_without_text_is_judged_by_its_event() -> None:
    """Kubernetes before 1.31 says only in the event why a pull has failed."""
    found = recorded("image-not-found-imagepullbackoff")
    waiting = found.pod["status"]["containerStatuses"][0]["state"]["waiting"]
    waiting["message"] = 'Back-off pulling image "x"'
    failure = failure_of(found.state, found.events, "", "sglang", CRASH)
    assert failure is not None
    assert "not-there:1: not found" in failure.reason


def test_a_crash_in_the_middle_of_a_probe_is_no_probes_fault() -> None:
    found = recorded("exit-3")
    probe = Event(True, "Unhealthy", "Liveness probe failed: connection refused", 1, 1.0)
    failure = failure_of(found.state, [*found.events, probe], found.log, "sglang", CRASH)
    assert failure is not None
    assert "bad luck" in failure.reason
