import pytest
from tests.launchers.kubernetes.recordings import PODS, recorded

from airtune.launchers.kubernetes.events import events_of
from airtune.launchers.kubernetes.pods import PodState, pods_of
from airtune.testing.fake_cluster import FakeCluster


def test_a_running_pod_says_since_when_and_that_it_is_ready() -> None:
    state = recorded("running").state
    assert (state.phase, state.running, state.ready, state.alive) == ("Running", True, True, True)
    assert state.created_at is not None
    assert state.scheduled_at is not None
    assert state.started_at is not None
    assert state.created_at <= state.scheduled_at <= state.started_at
    assert (state.image, state.memory, state.node) == (
        "airtune-test/fake-sglang:latest",
        "256Mi",
        "node1",
    )


def test_a_pod_without_room_has_the_schedulers_words_and_no_times_but_its_creation() -> None:
    state = recorded("unschedulable-cpu").state
    assert "1 Insufficient cpu" in state.unschedulable
    assert (state.scheduled_at, state.started_at, state.running) == (None, None, False)


def test_a_container_in_a_crash_loop_has_its_last_end_and_its_restarts() -> None:
    state = recorded("crash-loop-crashloopbackoff").state
    assert state.waiting == "CrashLoopBackOff"
    assert state.terminated is not None
    assert (state.terminated.code, state.restarts) == (3, 1)
    assert not state.alive


def test_an_end_has_code_reason_and_time() -> None:
    state = recorded("oom-killed").state
    assert state.terminated is not None
    assert (state.terminated.code, state.terminated.reason) == (137, "OOMKilled")
    assert state.terminated.finished_at is not None


def test_a_container_that_could_not_be_started_has_no_start() -> None:
    assert recorded("no-program").state.started_at is None


def test_a_deletion_counts_from_when_it_was_asked_for() -> None:
    recording = recorded("deleted")
    before = recording.state.deleted_at
    recording.pod["metadata"]["deletionGracePeriodSeconds"] = 0
    after = recording.state.deleted_at
    assert before is not None
    assert after == before + 30
    assert recording.state.running
    assert not recording.state.alive


def test_a_failing_init_container_is_the_one_that_counts() -> None:
    pod = recorded("running").pod
    broken = {"name": "fetch", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}
    pod["status"]["initContainerStatuses"] = [broken]
    state = PodState.of(pod, "server")
    assert state.terminated is not None
    assert state.terminated.code == 2
    pod["status"]["initContainerStatuses"] = [
        {"name": "fetch", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
        {"name": "wait", "state": {"waiting": {"reason": "PodInitializing"}}},
    ]
    assert PodState.of(pod, "server").running


@pytest.mark.parametrize("status", [{}, {"phase": "Pending"}])
def test_a_pod_that_nobody_has_looked_at_is_pending(status: dict[str, str]) -> None:
    pod = recorded("running").pod | {"status": status}
    state = PodState.of(pod, "server")
    assert (state.phase, state.scheduled_at, state.running) == ("Pending", None, False)


def test_a_pod_of_another_attempt_with_the_same_name_is_not_ours() -> None:
    cluster, recording = FakeCluster("models"), recorded("running")
    recording.put_into(cluster)
    handle = recording.handle()
    assert [pod["metadata"]["uid"] for pod in pods_of(cluster, handle)] == [handle.uid]
    assert pods_of(cluster, handle.model_copy(update={"uid": "of an earlier one"})) == []


def test_the_pods_of_a_deployment_come_newest_last() -> None:
    cluster, recording = FakeCluster("models"), recorded("running")
    for name, made in (("b", "2026-01-02T00:00:00Z"), ("a", "2026-01-03T00:00:00Z")):
        metadata = {"name": name, "uid": name, "labels": {"app": "x"}, "creationTimestamp": made}
        cluster.add(PODS, recording.pod | {"metadata": metadata})
    handle = recording.handle(launcher="ome", pods="app=x")
    assert [pod["metadata"]["name"] for pod in pods_of(cluster, handle)] == ["b", "a"]


def test_events_are_found_by_uid_or_name_newest_last() -> None:
    cluster, recording = FakeCluster("models"), recorded("image-not-found-imagepullbackoff")
    recording.put_into(cluster)
    metadata = recording.pod["metadata"]
    found = events_of(cluster, "models", metadata["uid"])
    assert found == events_of(cluster, "models", metadata["name"])
    assert found[0].reason == "Scheduled"
    [pulling] = [event for event in found if event.reason == "Pulling"]
    assert pulling.count == 2
    assert not pulling.warning
    assert [event.warning for event in found if event.reason == "Failed"] == [True] * 3
    assert events_of(cluster, "models", "another") == []
