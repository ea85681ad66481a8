import threading

import pytest
from tests.launchers.docker.orders import IMAGE

from airtune.errors import TrialFailed
from airtune.launchers.docker import image
from airtune.launchers.docker.image import digest_of, ensure_image
from airtune.launchers.docker.progress import Progress
from airtune.records import FailureClass
from airtune.testing.fake_docker import FakeDocker, api_error


def test_an_image_that_is_there_is_not_pulled(engine: FakeDocker) -> None:
    heard: list[str] = []
    ensure_image(engine, IMAGE, 1.0, heard.append)
    assert heard == []


def test_a_pull_says_how_far_it_is_and_gives_the_digest(
    engine: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "_SAY_EVERY_S", 0.0)
    heard: list[str] = []
    engine.pull_events = [
        {"status": "Pulling from org/x", "id": "1"},
        {"status": "Already exists", "id": "a"},
        {
            "status": "Downloading",
            "id": "b",
            "progressDetail": {"current": 5_000_000, "total": 9_000_000},
        },
    ]
    found = ensure_image(engine, "reg:5000/org/x:1", 5.0, heard.append)
    assert "pulling reg:5000/org/x:1: 1 of 2 layers, 5 of 9 MB" in heard
    assert digest_of(found) == f"sha256:{'d' * 64}"


def test_an_image_that_was_never_in_a_registry_is_known_by_its_id() -> None:
    assert digest_of({"Id": "sha256:1", "RepoDigests": []}) == "sha256:1"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("pull access denied for x, repository does not exist", FailureClass.IMAGE),
        ("manifest for x:1 not found: manifest unknown", FailureClass.IMAGE),
        ("unauthorized: authentication required", FailureClass.IMAGE),
        ("no basic auth credentials", FailureClass.IMAGE),
        ("dial tcp: lookup reg: no such host", FailureClass.INFRASTRUCTURE),
        ("net/http: TLS handshake timeout", FailureClass.INFRASTRUCTURE),
        ("toomanyrequests: You have reached your limit", FailureClass.INFRASTRUCTURE),
        ("write /var/lib/docker/x: no space left on device", FailureClass.INFRASTRUCTURE),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["at once", "in the stream"])
def test_a_refused_pull_is_worth_a_retry_or_not(
    engine: FakeDocker, answer: str, expected: FailureClass, late: bool
) -> None:
    engine.pull_events = [{"error": answer}] if late else [api_error(500, answer)]
    with pytest.raises(TrialFailed, match="AIRTUNE_DOCKER_CONN_ID") as caught:
        ensure_image(engine, "x:1", 5.0, lambda text: None)
    assert caught.value.failure.failure_class is expected
    assert answer in caught.value.failure.reason


def test_the_limit_holds_when_nothing_arrives(engine: FakeDocker) -> None:
    over = threading.Event()
    engine.pull_events = [lambda: over.wait() and {}]
    with pytest.raises(TrialFailed, match=r"timeouts\.pull_s"):
        ensure_image(engine, "x:1", 0.05, lambda text: None)
    over.set()


def test_bytes_of_a_layer_that_is_down_stay_counted() -> None:
    progress = Progress("x")
    detail = {"current": 1_000_000, "total": 4_000_000}
    progress.take({"id": "a", "status": "Downloading", "progressDetail": detail})
    progress.take({"id": "a", "status": "Extracting", "progressDetail": {"current": 1, "total": 9}})
    assert progress.line() == "pulling x: 0 of 1 layers, 4 of 4 MB"
