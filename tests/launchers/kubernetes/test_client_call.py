"""One call of the client as a pod: how it begins, ends, and leaves nothing."""

import io
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.launchers.kubernetes.client_cluster import (
    ClientCluster,
    a_call,
    a_client_cluster,
    through,
)
from tests.launchers.kubernetes.client_orders import RUN, a_status, an_order

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import client_call, paths
from airtune.launchers.kubernetes.api import ApiRefused, Json
from airtune.launchers.kubernetes.client_pod import POINT, TOKEN_FILE, client_pod
from airtune.launchers.kubernetes.client_trouble import trouble
from airtune.launchers.kubernetes.clients import end_clients
from airtune.launchers.kubernetes.handle import Handle
from airtune.records import FailureClass

Site = tuple[ClientCluster, Handle]
_NO_CONFIG = "CreateContainerConfigError"
NO_SECRET = {"reason": _NO_CONFIG, "message": 'secret "hub" not found'}
NOT_SYNCED = {
    "reason": _NO_CONFIG,
    "message": "failed to sync secret cache: timed out waiting for the condition",
}
WAITS = {"waiting": {"reason": "PodInitializing"}}


@pytest.fixture
def site() -> Iterator[Site]:
    with a_client_cluster() as site:
        yield site


def _clients(cluster: ClientCluster) -> list[str]:
    return [
        one["metadata"]["name"]
        for one in cluster.all("pods")
        if (one["metadata"].get("labels") or {}).get("airtune/role") == "client"
    ]


def test_a_client_that_ends_by_itself_leaves_its_files_and_its_code(
    site: Site, tmp_path: Path
) -> None:
    cluster, server = site
    cluster.files = {"a.json": b"{}", "deep/b.txt": b"b"}
    cluster.printed = [b"one", b"two"]
    call = a_call(cluster, server, tmp_path)
    seen = bytearray()
    call.feed = seen.extend
    cluster.later = lambda: cluster.ended(3)
    through(call)
    assert call.end
    assert (call.end.why, call.end.exit_code) == ("ended", 3)
    assert bytes(seen) == b"one\ntwo\n"
    assert (tmp_path / "a.json").read_bytes() == b"{}"
    assert (tmp_path / "deep" / "b.txt").read_bytes() == b"b"
    assert not _clients(cluster)


def test_it_gets_its_files_before_it_starts_and_the_token_as_one_of_them(
    site: Site, tmp_path: Path
) -> None:
    cluster, server = site
    (tmp_path / "tok").mkdir()
    (tmp_path / "tok" / "tokenizer.json").write_text("{}")
    put = {POINT: None, Path("/airtune/tokenizer"): tmp_path / "tok"}
    cluster.later = lambda: cluster.ended(0)
    through(a_call(cluster, server, tmp_path / "out", put=put, hub_token="hf_secret"))
    (archive,) = cluster.put
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        modes = {member.name: member.mode for member in tar}
        token = tar.extractfile(str(TOKEN_FILE).lstrip("/"))
        assert token
        assert token.read() == b"hf_secret"
    assert modes["airtune/tokenizer/tokenizer.json"] == 0o644
    assert modes["airflow/xcom/point"] == 0o777
    assert "airflow" not in modes


def test_a_result_that_is_complete_is_not_waited_for(site: Site, tmp_path: Path) -> None:
    cluster, server = site
    cluster.files, cluster.printed = {"a.json": b"{}"}, [b"Benchmark finished"]
    call = a_call(cluster, server, tmp_path, complete=(tmp_path / "a.json").exists)
    through(call)
    assert call.end
    assert (call.end.why, call.end.exit_code) == ("complete", None)
    assert not _clients(cluster)


@pytest.mark.parametrize(("why", "limit_s", "stop"), [("limit", 0.3, False), ("stopped", 9, True)])
def test_a_client_that_is_to_end_is_gone_and_what_it_had_is_kept(
    site: Site, tmp_path: Path, why: str, limit_s: float, stop: bool
) -> None:
    cluster, server = site
    cluster.files = {"half.json": b"{"}
    began = time.monotonic()
    call = a_call(
        cluster, server, tmp_path, limit_s,
        should_stop=lambda: stop and time.monotonic() > began + 0.3,
    )  # fmt: skip
    through(call)
    assert call.end
    assert call.end.why == why
    assert (tmp_path / "half.json").exists()
    assert not _clients(cluster)


def test_an_attempt_that_is_over_starts_no_client(site: Site, tmp_path: Path) -> None:
    cluster, server = site
    call = a_call(cluster, server, tmp_path, is_current=lambda: False)
    through(call)
    assert call.end
    assert call.end.why == "fenced_off"
    assert not cluster.put
    assert not _clients(cluster)


def test_older_clients_of_the_slot_go_first_and_others_stay(site: Site, tmp_path: Path) -> None:
    cluster, server = site
    old = an_order(server=server, attempt=2)
    cluster.post(paths.pods("n"), client_pod(old))
    other = an_order(server=server, slot=5)
    cluster.post(paths.pods("n"), client_pod(other))
    cluster.later = lambda: cluster.ended(0)
    through(a_call(cluster, server, tmp_path))
    assert _clients(cluster) == [other.name]
    assert end_clients(cluster, "n", "here", RUN, 5, attempt=2) == 0, "a newer attempt's"
    assert end_clients(cluster, "n", "here", RUN, 5, attempt=3) == 1
    assert not _clients(cluster)


def test_a_name_that_a_newer_attempt_or_somebody_else_holds_is_left_alone(
    site: Site, tmp_path: Path
) -> None:
    cluster, server = site
    call = a_call(cluster, server, tmp_path)
    newer = client_pod(an_order(server=server, attempt=4))
    cluster.add(paths.pods("n"), newer)
    with pytest.raises(TrialFailed, match="newer attempt") as caught:
        through(call)
    assert caught.value.failure.failure_class is FailureClass.CANCELLED
    assert _clients(cluster) == [call.order.name]
    cluster.end(paths.pods("n", call.order.name))
    cluster.add(paths.pods("n"), {"metadata": {"name": call.order.name, "labels": {}}})
    with pytest.raises(TrialFailed, match="not airtune's") as caught:
        through(call)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE
    assert cluster.get(paths.pods("n", call.order.name))


def test_a_pod_that_somebody_removes_is_infrastructure(site: Site, tmp_path: Path) -> None:
    cluster, server = site
    cluster.later = lambda: cluster.end(cluster.place)
    with pytest.raises(TrialFailed, match="somebody has deleted it") as caught:
        through(a_call(cluster, server, tmp_path))
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_pod_that_goes_while_it_gets_its_files_is_infrastructure(
    site: Site, tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever exec says of a container that has gone, the task is not to blame."""
    cluster, server = site

    def put(*asked: object) -> None:
        cluster.end(cluster.place)
        raise ApiRefused(status, "", "container files is not running")

    monkeypatch.setattr(client_call, "put_files", put)
    with pytest.raises(TrialFailed, match="somebody has deleted it") as caught:
        through(a_call(cluster, server, tmp_path))
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_files_that_cannot_be_fetched_are_infrastructure(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, server = site
    cluster.later = lambda: cluster.ended(0)

    def fetch(*asked: object) -> bool:
        raise ApiRefused(400, "BadRequest", "the side-car has ended")

    monkeypatch.setattr(client_call, "fetch_files", fetch)
    monkeypatch.setattr(client_call, "_PATIENCE_S", 0.1)
    with pytest.raises(TrialFailed, match="the side-car has ended") as caught:
        through(a_call(cluster, server, tmp_path))
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_an_evicted_client_says_why(site: Site, tmp_path: Path) -> None:
    cluster, server = site
    status = a_status(phase="Failed", reason="Evicted", message="low on memory")
    cluster.later = lambda: cluster.tell(status)
    with pytest.raises(TrialFailed, match="Evicted low on memory"):
        through(a_call(cluster, server, tmp_path))
    assert not _clients(cluster)


def test_it_is_removed_even_when_the_task_is_killed(site: Site, tmp_path: Path) -> None:
    cluster, server = site

    def kill() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        through(a_call(cluster, server, tmp_path, should_stop=kill))
    assert not _clients(cluster)


def test_a_pod_that_finds_no_node_says_so(site: Site, tmp_path: Path) -> None:
    cluster, server = site
    unfit = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    cluster.on_create = lambda made: made.update(
        status={"phase": "Pending", "conditions": [unfit | {"message": "0/1 nodes: no label"}]}
    )
    with pytest.raises(TrialFailed, match="no node takes it: 0/1 nodes") as caught:
        through(a_call(cluster, server, tmp_path, pending_limit_s=0.3))
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE
    assert not _clients(cluster)


@pytest.mark.parametrize(
    ("status", "failure_class"),
    [
        (a_status(files={"waiting": {"reason": "ErrImageNeverPull"}}), FailureClass.IMAGE),
        (a_status(client={"waiting": {"reason": "InvalidImageName"}}), FailureClass.IMAGE),
        (
            a_status(client={"waiting": {"reason": "ErrImagePull", "message": "x:1: not found"}}),
            FailureClass.IMAGE,
        ),
        (
            a_status(client={"waiting": NO_SECRET}),
            FailureClass.INVALID_CONFIG,
        ),
        (
            a_status(client={"terminated": {"reason": "StartError", "exitCode": 128}}),
            FailureClass.IMAGE,
        ),
        (
            a_status(files={"terminated": {"reason": "Error", "exitCode": 2}}),
            FailureClass.INFRASTRUCTURE,
        ),
    ],
)
def test_what_keeps_a_client_from_starting_is_classified(
    status: Json, failure_class: FailureClass
) -> None:
    pod = client_pod(an_order()) | {"status": status}
    pod["metadata"]["uid"] = "u"
    failure = trouble(pod, an_order())
    assert failure
    assert failure.failure_class is failure_class


@pytest.mark.parametrize(
    "status",
    [
        {},
        a_status(),
        a_status(client={"waiting": {"reason": "ErrImagePull", "message": "i/o timeout"}}),
        a_status(client={"waiting": NOT_SYNCED}),
        a_status(files={"terminated": {"exitCode": 0}}, client={"terminated": {"exitCode": 1}}),
    ],
)
def test_what_may_still_become_something_is_waited_for(status: Json) -> None:
    pod = client_pod(an_order()) | {"status": status}
    pod["metadata"]["uid"] = "u"
    assert trouble(pod, an_order()) is None


def test_a_pod_that_cannot_be_created_leaves_the_refusal(site: Site, tmp_path: Path) -> None:
    cluster, server = site
    cluster.forbidden = {("create", "pods")}
    with pytest.raises(ApiRefused) as caught:
        through(a_call(cluster, server, tmp_path))
    assert caught.value.status == 403
