import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.launchers.kubernetes.recordings import PODS, Recording, recorded

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import ApiRefused, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.stamps import ahead_s, stamp
from airtune.launchers.kubernetes.waiting import poll, wait_for
from airtune.launchers.launcher import Order, StillStarting
from airtune.launchers.probe import Pending, Readiness
from airtune.records import Endpoint, Failure, FailureClass, ServerSpec
from airtune.task.container import ContainerOptions
from airtune.task.model import Model
from airtune.testing.fake_cluster import FakeCluster
from airtune.testing.fake_engine_behaviour import Behaviour
from airtune.testing.fake_engine_options import read_options
from airtune.testing.fake_engine_server import FakeEngine

READY = Readiness(model_name="m", prompt_tokens=10, max_tokens=3)
SPEC = ServerSpec(
    engine="sglang", image="x:1", program=("x",), arguments=(), env={}, model_name="m"
)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Where a fake engine of this process answers."""
    options = read_options(["--served-model-name", "m", "--host", "127.0.0.1", "--port", "0"])
    engine = FakeEngine(options, Behaviour(ttft_ms=1, tpot_ms=0))
    thread = threading.Thread(target=engine.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{engine.port}"
    engine.shutdown()
    engine.server_close()
    thread.join()


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def order(tmp_path: Path, heard: list[str]) -> Order:
    return Order(
        run="dag/run",
        slot=0,
        attempt=1,
        generation=0,
        server=SPEC,
        model=Model(name="m", in_image="/models/m"),
        container=ContainerOptions(),
        readiness=READY,
        devices=(),
        log=tmp_path / "exp7" / "server.log",
        start_limit_s=60.0,
        pull_limit_s=60.0,
        capacity_limit_s=60.0,
        say=heard.append,
    )


class Waited:
    """A pod in a fake cluster, and somebody who waits for its server."""

    def __init__(self, name: str, order: Order, url: str = NOWHERE, **handle: Any) -> None:
        self.cluster = FakeCluster("models")
        self.order, self.url = order, url
        self.recording = recorded(name)
        self.recording.pod["metadata"]["creationTimestamp"] = stamp(time.time())
        self.endpoint = self.recording.endpoint(**handle)
        self.look: Callable[[], Failure | Pending | None] = lambda: None

    def ago(self, seconds: float, ahead: float = 0.0) -> "Waited":
        """Have everything about the pod happened so long ago."""
        _shift(self.recording, time.time() - seconds + ahead)
        return self

    def until_ready(self, patience_s: float = 5.0, **options: Any) -> Endpoint:
        if not self.cluster.all("pods"):
            self.recording.put_into(self.cluster)
        return wait_for(
            self.cluster,
            self.order,
            self.endpoint,
            patience_s,
            url=lambda endpoint: self.url,
            look=lambda: self.look(),
            **options,
        )

    def failure(self, patience_s: float = 5.0) -> Failure:
        with pytest.raises(TrialFailed) as caught:
            self.until_ready(patience_s)
        return caught.value.failure

    def becomes(self, name: str) -> None:
        """The pod's status is that of another recording from now on."""
        other = recorded(name)
        _shift(other, time.time())
        path = f"{PODS}/{self.recording.pod['metadata']['name']}"
        self.cluster.change(path, status=other.pod["status"], spec=other.pod["spec"])


def _shift(recording: Recording, to: float) -> None:
    at = datetime.fromtimestamp(to, UTC).isoformat()  # finer than a real one
    recording.pod["metadata"]["creationTimestamp"] = at
    for condition in recording.pod["status"].get("conditions", ()):
        condition["lastTransitionTime"] = at
    for container in recording.pod["status"].get("containerStatuses", ()):
        for group in (container["state"], container["lastState"]):
            for told in group.values():
                for name in {"startedAt", "finishedAt"} & told.keys():
                    told[name] = at


def _later(seconds: float, call: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


def test_a_server_that_answers_is_ready_and_its_log_is_followed(
    order: Order, server: str, heard: list[str]
) -> None:
    waited = Waited("running", order, server).ago(0)
    assert waited.until_ready() == waited.endpoint
    assert "fake engine m listens" in order.log.read_text()
    assert any("fake engine m listens" in text for text in heard)


def test_it_says_once_what_it_waits_for_and_goes_on_from_phase_to_phase(
    order: Order, server: str, heard: list[str]
) -> None:
    waited = Waited("unschedulable-cpu", order, server)
    _later(0.1, lambda: waited.becomes("image-unreachable-errimagepull"))
    _later(0.35, lambda: waited.becomes("running"))
    waited.until_ready()
    assert heard[0] == "waiting for capacity: 0/1 nodes are available: 1 Insufficient cpu"
    assert any(text.startswith("pulling image registry.invalid/team/engine:1") for text in heard)
    assert len(heard) == len(set(heard))


def test_nothing_is_said_before_the_scheduler_has_looked(order: Order, heard: list[str]) -> None:
    waited = Waited("unschedulable-cpu", order)
    waited.recording.pod["status"] = {"phase": "Pending"}
    with pytest.raises(StillStarting):
        waited.until_ready(0.12)
    assert heard == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exit-3", FailureClass.STARTUP_CRASH),
        ("oom-killed", FailureClass.OOM),
        ("image-not-found-errimagepull", FailureClass.IMAGE),
        ("missing-secret", FailureClass.INVALID_CONFIG),
        ("missing-hostpath", FailureClass.INVALID_CONFIG),
        ("deleted", FailureClass.INFRASTRUCTURE),
    ],
)
def test_an_end_under_way_is_noticed_at_once(
    order: Order, name: str, expected: FailureClass
) -> None:
    waited = Waited(name, order)
    pod = waited.recording.pod
    status, metadata = pod["status"], pod["metadata"]
    pod["status"] = recorded("running").pod["status"]
    pod["metadata"] = {k: v for k, v in metadata.items() if not k.startswith("deletion")}
    waited.ago(0)

    def breaks() -> None:
        path = f"{PODS}/{metadata['name']}"
        waited.cluster.change(path, status=status, metadata=metadata)

    _later(0.05, breaks)
    began = time.monotonic()
    failure = waited.failure(30.0)
    assert time.monotonic() - began < 1.5
    assert failure.failure_class is expected
    assert waited.recording.handle().log in failure.reason


def test_a_failed_servers_log_is_saved(order: Order) -> None:
    waited = Waited("exit-3", order)
    assert "bad luck" in waited.failure().log_tail
    assert "bad luck" in order.log.read_text()


def test_a_pod_that_vanishes_is_infrastructure(order: Order) -> None:
    waited = Waited("running", order).ago(0)
    _later(0.05, lambda: waited.cluster.end(f"{PODS}/running"))
    assert waited.failure().failure_class is FailureClass.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("name", "limit", "expected", "words"),
    [
        (
            "unschedulable-cpu",
            "capacity_limit_s",
            FailureClass.INFRASTRUCTURE,
            ["timeouts.capacity_s", "1 Insufficient cpu"],
        ),
        (
            "image-unreachable-imagepullbackoff",
            "pull_limit_s",
            FailureClass.IMAGE,
            ["timeouts.pull_s", "no such host"],
        ),
        (
            "never-ready",
            "start_limit_s",
            FailureClass.STARTUP_TIMEOUT,
            ["timeouts.start_s", "no connection to"],
        ),
    ],
)
def test_each_phase_has_its_own_time_and_class(
    order: Order, name: str, limit: str, expected: FailureClass, words: list[str]
) -> None:
    waited = Waited(name, replace(order, **{limit: 0.4})).ago(0)
    failure = waited.failure()
    assert failure.failure_class is expected
    for one in words:
        assert one in failure.reason


def test_a_volume_that_is_never_mounted_is_no_images_fault(order: Order) -> None:
    waited = Waited("missing-hostpath", replace(order, pull_limit_s=0.4)).ago(0)
    for event in waited.recording.told:
        if event["reason"] == "FailedMount":
            event["message"] = "MountVolume.SetUp failed: timed out waiting for the condition"
    failure = waited.failure()
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert "timed out waiting for the condition" in failure.reason


@pytest.mark.parametrize(
    ("name", "left"),
    [("unschedulable-cpu", 30.0), ("image-unreachable-errimagepull", 40.0), ("never-ready", 50.0)],
)
def test_patience_over_says_until_when_the_present_phase_lasts(
    order: Order, name: str, left: float
) -> None:
    limits = {"capacity_limit_s": 40.0, "pull_limit_s": 50.0, "start_limit_s": 60.0}
    waited = Waited(name, replace(order, **limits)).ago(10.0)
    with pytest.raises(StillStarting) as caught:
        waited.until_ready(0.12)
    assert caught.value.deadline - time.time() == pytest.approx(left, abs=2.0)


class Elsewhen(FakeCluster):
    """A cluster whose clock is not ours."""

    ahead = 1000.0

    def post(self, path: str, body: Any, **query: str) -> Json:
        assert path.endswith("/selfsubjectreviews")
        return {"metadata": {"creationTimestamp": stamp(time.time() + self.ahead)}}


def test_deadlines_are_told_on_this_hosts_clock(order: Order) -> None:
    waited = Waited("never-ready", order).ago(10.0, ahead=1000.0)
    waited.cluster = Elsewhen("models")
    with pytest.raises(StillStarting) as caught:
        waited.until_ready(0.12)
    assert caught.value.deadline - time.time() == pytest.approx(50.0, abs=2.0)


@pytest.mark.parametrize("ahead", [1000.0, -1000.0, 0.0])
def test_the_clusters_clock_is_asked_for(ahead: float) -> None:
    cluster = Elsewhen("models")
    cluster.ahead = ahead
    assert ahead_s(cluster) == pytest.approx(ahead, abs=1.5)
    assert ahead_s(FakeCluster("models")) == 0.0  # does not know that question


def test_a_server_whose_time_was_over_is_looked_at_once_more(order: Order, server: str) -> None:
    waited = Waited("running", order, server).ago(1000.0)
    assert waited.until_ready() == waited.endpoint


def test_a_short_outage_of_the_api_server_is_ridden_out(order: Order, server: str) -> None:
    waited = Waited("running", order, server).ago(0)
    away = ApiRefused(0, "Unreachable", "Connection refused")
    waited.cluster.refuse = lambda method, path, body: away

    def is_back() -> None:
        waited.cluster.refuse = lambda method, path, body: None

    _later(0.05, is_back)
    assert waited.until_ready(10.0) == waited.endpoint


def test_an_outage_that_lasts_and_a_refusal_are_raised(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = Waited("running", order)
    waited.cluster.forbidden.add(("list", "pods"))
    with pytest.raises(ApiRefused, match="cannot list"):
        waited.until_ready(10.0)
    monkeypatch.setattr("airtune.launchers.kubernetes.waiting.OUTAGE_S", 0.2)
    away = ApiRefused(503, "ServiceUnavailable", "try again")
    waited.cluster.refuse = lambda method, path, body: away
    with pytest.raises(ApiRefused, match="try again"):
        waited.until_ready(10.0)


def test_what_stands_before_the_pods_has_its_say(order: Order, server: str) -> None:
    waited = Waited("running", order, server, launcher="ome").ago(0)
    waited.look = lambda: Pending(reason="EngineReady=False")
    with pytest.raises(StillStarting):
        waited.until_ready(0.15)
    waited.look = lambda: Failure(failure_class=FailureClass.INVALID_CONFIG, reason="no runtime x")
    failure = waited.failure()
    assert failure.failure_class is FailureClass.INVALID_CONFIG
    assert "no runtime x" in failure.reason


def test_the_pod_that_became_ready_is_remembered_for_an_inference_service(
    order: Order, server: str
) -> None:
    waited = Waited("running", order, server, launcher="ome").ago(0)
    ready = Handle.of(waited.until_ready())
    assert ready.pod == waited.recording.pod["metadata"]["uid"]


def test_without_a_pod_it_waits_for_one_until_the_capacitys_time_is_over(order: Order) -> None:
    waited = Waited("running", replace(order, capacity_limit_s=1.4), launcher="ome", pods="app=y")
    waited.look = lambda: Pending(reason="the quota team is used up")
    with pytest.raises(TrialFailed, match="the quota team is used up") as caught:
        waited.until_ready(ordered_at=time.time() - 1.0)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def _poll(waited: Waited, cluster: FakeCluster) -> Failure | Pending | None:
    return poll(
        cluster,
        waited.endpoint,
        READY,
        1.0,
        url=lambda endpoint: waited.url,
        look=lambda: waited.look(),
    )


def test_one_look_says_what_is_missing_or_that_it_is_ready(order: Order, server: str) -> None:
    for name, words in (
        ("unschedulable-cpu", "waiting for capacity: 0/1 nodes"),
        ("image-unreachable-errimagepull", "no such host"),
        ("never-ready", "no connection to"),
    ):
        waited = Waited(name, order)
        waited.recording.put_into(waited.cluster)
        found = _poll(waited, waited.cluster)
        assert isinstance(found, Pending)
        assert words in found.reason
    waited = Waited("running", order, server)
    waited.recording.put_into(waited.cluster)
    assert _poll(waited, waited.cluster) is None
    waited.cluster.end(f"{PODS}/running")
    found = _poll(waited, waited.cluster)
    assert isinstance(found, Failure)


def test_somebody_has_to_look_once_a_server_waits_for_something_else(order: Order) -> None:
    """Its new phase has a time limit of its own, which whoever polls does not know."""
    waited = Waited("unschedulable-cpu", order)
    with pytest.raises(StillStarting) as still:
        waited.until_ready(0.3)
    endpoint = still.value.endpoint

    def looked() -> Failure | Pending | None:
        return poll(waited.cluster, endpoint, READY, 1.0, url=lambda _: NOWHERE, look=lambda: None)

    assert isinstance(looked(), Pending)
    waited.becomes("image-unreachable-errimagepull")
    assert looked() is None
    waited.endpoint = endpoint
    with pytest.raises(StillStarting) as still:
        waited.until_ready(0.3)
    endpoint = still.value.endpoint
    assert isinstance(looked(), Pending)


def test_a_ready_server_waits_for_nothing(order: Order, server: str) -> None:
    waited = Waited("running", order, server)
    waited.endpoint = waited.recording.endpoint(phase="pull")
    assert Handle.of(waited.until_ready()).phase == ""


def test_a_time_that_ends_while_the_api_server_is_away_is_not_the_configurations(
    order: Order,
) -> None:
    """It would be infeasible for good, and the server may have been ready."""
    waited = Waited("running", replace(order, start_limit_s=1.0)).ago(0)

    answers: list[None] = [None]

    def away() -> Failure | Pending | None:
        if answers:
            return answers.pop()
        raise ApiRefused(0, "Unreachable", "connection refused")

    waited.look = away
    failure = waited.failure()
    assert failure.failure_class is FailureClass.INFRASTRUCTURE
    assert "connection refused" in failure.reason
