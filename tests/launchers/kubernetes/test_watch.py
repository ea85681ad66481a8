import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.launchers.kubernetes.recordings import PODS, Recording, recorded

from airtune.launchers.kubernetes.api import ApiRefused, Json
from airtune.launchers.kubernetes.watch import end_of
from airtune.launchers.kubernetes.watcher import Watcher
from airtune.records import FailureClass
from airtune.testing.fake_cluster import FakeCluster

CRASH = FailureClass.STARTUP_CRASH
UNHEALTHY = FailureClass.UNHEALTHY


def _cluster(*recordings: Recording) -> FakeCluster:
    cluster = FakeCluster("models")
    for one in recordings:
        one.put_into(cluster)
    return cluster


def _until(condition: Callable[[], bool], within_s: float = 3.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_running_server_costs_one_list(tmp_path: Path) -> None:
    recording = recorded("running")
    cluster = _cluster(recording)
    assert end_of(cluster, recording.handle(), UNHEALTHY) is None
    assert [call[:2] for call in cluster.calls] == [("GET", PODS)]


def test_an_end_names_the_log_and_shows_its_end() -> None:
    recording = recorded("exit-3")
    failure = end_of(_cluster(recording), recording.handle(), CRASH)
    assert failure is not None
    assert failure.failure_class is CRASH
    assert "Its log: /runs/exp7/server.log" in failure.reason
    assert "bad luck" in failure.log_tail


@pytest.mark.parametrize("crash", [CRASH, UNHEALTHY])
def test_a_pod_that_is_gone_is_infrastructure_with_what_was_saved_of_its_log(
    crash: FailureClass, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    log.write_text("it listened\n")
    handle = recorded("running").handle(log=str(log))
    failure = end_of(_cluster(), handle, crash)
    assert failure is not None
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert "Pod running in the namespace models is gone" in failure.reason
    assert failure.log_tail == "it listened\n"


def test_an_inference_service_may_have_no_pod_until_it_was_ready() -> None:
    handle = recorded("running").handle(launcher="ome")
    assert end_of(_cluster(), handle, CRASH) is None
    failure = end_of(_cluster(), handle, UNHEALTHY)
    assert failure is not None
    assert failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_pod_that_replaced_the_one_that_was_ready_is_another_server() -> None:
    recording = recorded("running")
    cluster = _cluster(recording)
    ready = recording.handle(launcher="ome", pod=recording.pod["metadata"]["uid"])
    assert end_of(cluster, ready, UNHEALTHY) is None
    failure = end_of(cluster, ready.model_copy(update={"pod": "of before"}), UNHEALTHY)
    assert failure is not None
    assert failure.failure_class is FailureClass.INFRASTRUCTURE


def test_of_several_pods_the_newest_that_stays_counts() -> None:
    old, new = recorded("exit-3"), recorded("running")
    going = recorded("deleted")
    for one, made in ((old, "01"), (new, "02"), (going, "03")):
        one.pod["metadata"] |= {"creationTimestamp": f"2026-01-{made}T00:00:00Z"}
        one.pod["metadata"]["labels"]["app"] = "x"
    cluster = _cluster(old, new, going)
    assert end_of(cluster, new.handle(launcher="ome", pods="app=x"), CRASH) is None


def test_a_pod_that_no_node_can_hold_is_invalid_and_nodes_are_listed_once_a_minute() -> None:
    recording = recorded("unschedulable-gpu")
    recording.pod["metadata"]["uid"] = "of this test"
    cluster = _cluster(recording)
    cluster.add(
        "/api/v1/nodes",
        {"metadata": {"name": "node1"}, "spec": {}, "status": {"allocatable": {"cpu": "2"}}},
    )
    for _ in range(3):
        failure = end_of(cluster, recording.handle(), CRASH)
        assert failure is not None
        assert failure.failure_class is FailureClass.INVALID_CONFIG
        assert "1 of nvidia.com/gpu" in failure.reason
        assert "1 Insufficient nvidia.com/gpu" in failure.reason
    assert sum(path == "/api/v1/nodes" for _, path, _ in cluster.calls) == 1


def test_a_pod_that_waits_for_room_is_no_failure() -> None:
    recording = recorded("unschedulable-gpu")
    recording.pod["metadata"]["uid"] = "of another test"
    allocatable = {"cpu": "2", "nvidia.com/gpu": "8"}
    cluster = _cluster(recording)
    cluster.add(
        "/api/v1/nodes",
        {"metadata": {"name": "node1"}, "spec": {}, "status": {"allocatable": allocatable}},
    )
    assert end_of(cluster, recording.handle(), CRASH) is None


class Hung(FakeCluster):
    """One whose watches can be ended, refused, and counted."""

    def __init__(self) -> None:
        super().__init__("models")
        self.end_watches: ApiRefused | None = None

    def watch(self, path: str, timeout_s: int, **query: str) -> Iterator[tuple[str, Json]]:
        if self.end_watches:
            raise self.end_watches
        yield from super().watch(path, 1, **query)


@pytest.fixture
def hung() -> Hung:
    made = Hung()
    recorded("running").put_into(made)
    return made


def _watcher(cluster: FakeCluster) -> Watcher:
    return Watcher(cluster, recorded("running").handle(), every_s=0.02)


def _status(pods: Watcher) -> Any:
    found = pods.pods()
    return found[0]["status"]["phase"] if found else None


def test_a_watcher_sees_changes_at_once_and_lists_once(hung: Hung) -> None:
    with _watcher(hung) as pods:
        assert _status(pods) == "Running"
        hung.change(f"{PODS}/running", status={"phase": "Failed"})
        _until(lambda: _status(pods) == "Failed", 0.5)
        hung.end(f"{PODS}/running")
        _until(lambda: pods.pods() == [], 0.5)
        lists = [path for method, path, _ in hung.calls if method == "GET"]
        assert lists == [PODS]


@pytest.mark.parametrize(
    "refusal",
    [
        ApiRefused(410, "Expired", "too old resource version"),
        ApiRefused(403, "Forbidden", "cannot watch"),
        ApiRefused(0, "Unreachable", "Connection reset"),
    ],
)
def test_without_watches_it_lists(hung: Hung, refusal: ApiRefused) -> None:
    hung.end_watches = refusal
    with _watcher(hung) as pods:
        assert _status(pods) == "Running"
        hung.change(f"{PODS}/running", status={"phase": "Failed"})
        _until(lambda: _status(pods) == "Failed")


def test_while_the_api_server_is_away_it_says_so_and_comes_back(hung: Hung) -> None:
    hung.end_watches = ApiRefused(0, "Unreachable", "Connection reset")
    with _watcher(hung) as pods:
        assert _status(pods) == "Running"
        hung.refuse = lambda method, path, body: ApiRefused(0, "Unreachable", "refused")
        away = threading.Event()

        def is_away() -> bool:
            try:
                pods.pods()
            except ApiRefused:
                away.set()
            return away.is_set()

        _until(is_away)
        good_at = pods.good_at
        hung.refuse = lambda method, path, body: None
        _until(lambda: pods.good_at > good_at)
        assert _status(pods) == "Running"


def test_events_are_asked_for_no_more_often_than_told(hung: Hung) -> None:
    recording = recorded("running")
    with Watcher(hung, recording.handle(), every_s=60.0) as pods:
        uid = recording.pod["metadata"]["uid"]
        assert [event.reason for event in pods.events(uid)] == [e.reason for e in recording.events]
        pods.events(uid)
        assert sum(path.endswith("/events") for _, path, _ in hung.calls) == 1


def test_a_watch_that_cannot_be_read_is_told_and_begun_again() -> None:
    """Else what was seen before would count as the present for ever."""
    recording = recorded("running")
    cluster = _cluster(recording)
    broken: list[Any] = [{"no": "metadata"}]
    whole = cluster.watch

    def watch(*args: Any, **query: str) -> Iterator[tuple[str, Json]]:
        yield from (("MODIFIED", broken.pop()) for _ in broken[:1])
        yield from whole(*args, **query)

    cluster.watch = watch  # type: ignore[method-assign]
    with Watcher(cluster, recording.handle(), every_s=0.05) as pods:
        _until(lambda: not broken)
        path = f"{PODS}/{recording.pod['metadata']['name']}"
        cluster.change(path, status={"phase": "Failed"})
        _until(lambda: _phase(pods) == "Failed")


def _phase(pods: Watcher) -> str:
    with suppress(ApiRefused):
        return str(pods.pods()[0]["status"].get("phase"))
    return ""
