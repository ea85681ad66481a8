import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.launchers.docker.orders import IMAGE

from airtune.errors import TrialFailed
from airtune.launchers.docker import hub_download, names
from airtune.launchers.docker.weights import Fetch, fetch
from airtune.records import FailureClass
from airtune.settings import DockerHost, Settings
from airtune.testing.fake_docker import FakeDocker, api_error
from airtune.testing.fake_docker_container import FakeContainer


@pytest.fixture
def job(engine: FakeDocker, host: DockerHost, settings: Settings, tmp_path: Path) -> Fetch:
    return Fetch(
        client=engine,
        host=host,
        settings=settings,
        model="org/m",
        image=IMAGE,
        environment={"HF_ENDPOINT": "http://hub"},
        token="hf_secret",
        log=tmp_path / "fetch.log",
        limit_s=5.0,
        say=lambda text: None,
    )


def _ends(code: int, log: str = "") -> Callable[[FakeContainer], None]:
    return lambda container: container.end(code, log)


def test_a_model_is_fetched_once_as_long_as_its_volume_is_the_same(
    engine: FakeDocker, job: Fetch
) -> None:
    seen: list[FakeContainer] = []
    engine.volumes["hub"] = {"CreatedAt": "monday"}
    engine.on_start = lambda container: (seen.append(container), container.end(0))[0]
    fetch(job)
    fetch(job)
    assert len(seen) == 1
    assert engine.made == {}
    engine.volumes["hub"] = {"CreatedAt": "tuesday"}
    fetch(job)
    assert len(seen) == 2


def test_the_container_has_an_argv_its_cache_and_a_private_token(
    engine: FakeDocker, job: Fetch
) -> None:
    seen: list[FakeContainer] = []
    engine.on_start = lambda container: (seen.append(container), container.end(0))[0]
    fetch(job)
    config = seen[0].config
    assert config["entrypoint"] == ["python3"]
    assert config["command"] == ["-c", hub_download.PROGRAM, "org/m"]
    assert config["environment"]["HF_TOKEN"] == "hf_secret"
    assert config["environment"]["HF_ENDPOINT"] == "http://hub"
    assert config["labels"] == {names.INSTALLATION: "ours", names.ROLE: "prefetch"}
    assert seen[0].host_config["Mounts"][0]["Target"] == "/root/.cache/huggingface"


@pytest.mark.parametrize(
    ("code", "expected", "words"),
    [
        (hub_download.NO_ACCESS, FailureClass.IMAGE, "AIRTUNE_HF_CONN_ID"),
        (hub_download.NOT_FOUND, FailureClass.IMAGE, "model.id_or_path"),
        (hub_download.NO_LIBRARY, FailureClass.IMAGE, "model.name"),
        (hub_download.NO_SPACE, FailureClass.INFRASTRUCTURE, "AIRTUNE_HUB_CACHE"),
        (hub_download.NO_NETWORK, FailureClass.INFRASTRUCTURE, "cannot be reached"),
        (137, FailureClass.INFRASTRUCTURE, "the last line"),
    ],
)
def test_a_failed_download_has_a_class_and_a_fix(
    engine: FakeDocker, job: Fetch, code: int, expected: FailureClass, words: str
) -> None:
    engine.on_start = _ends(code, "the last line")
    with pytest.raises(TrialFailed, match=words) as caught:
        fetch(job)
    assert caught.value.failure.failure_class is expected
    assert engine.made == {}


def test_others_wait_for_the_one_that_fetches(engine: FakeDocker, job: Fetch) -> None:
    ours = {names.INSTALLATION: "ours", names.ROLE: "prefetch"}
    made = engine.create_container(IMAGE, name=job.name, labels=ours)["Id"]
    engine.start(made)
    ending = threading.Timer(0.05, engine.made[made].end, (0,))
    ending.start()
    began = time.monotonic()
    fetch(job)
    ending.join()
    assert time.monotonic() - began >= 0.05
    assert engine.made == {}


def test_at_the_limit_only_the_own_download_is_ended(engine: FakeDocker, job: Fetch) -> None:
    ours = {names.INSTALLATION: "ours", names.ROLE: "prefetch"}
    made = engine.create_container(IMAGE, name=job.name, labels=ours)["Id"]
    engine.made[made].start()
    with pytest.raises(TrialFailed, match=r"timeouts\.pull_s"):
        fetch(replace(job, limit_s=0.0))
    assert list(engine.made) == [made]
    del engine.made[made]
    engine.on_start = lambda container: None
    with pytest.raises(TrialFailed, match=r"timeouts\.pull_s"):
        fetch(replace(job, limit_s=0.0))
    assert engine.made == {}


def test_a_foreign_container_of_the_name_is_named(engine: FakeDocker, job: Fetch) -> None:
    engine.create_container(IMAGE, name=job.name)
    with pytest.raises(TrialFailed, match="not this airtune's"):
        fetch(job)
    assert len(engine.made) == 1


def test_a_download_that_could_not_be_started_leaves_its_name_free(
    engine: FakeDocker, job: Fetch
) -> None:
    engine.refusals["start"] = api_error(500, "exec: docker-init: not found")
    with pytest.raises(TrialFailed, match="docker-init"):
        fetch(job)
    assert engine.made == {}


def test_one_that_was_never_started_is_not_waited_for(engine: FakeDocker, job: Fetch) -> None:
    ours = {names.INSTALLATION: "ours", names.ROLE: "prefetch"}
    engine.create_container(IMAGE, name=job.name, labels=ours)
    engine.on_start = _ends(0)
    fetch(replace(job, limit_s=30.0, start_s=0.2))
    assert engine.made == {}
