"""The client's container on a real Docker Engine; a shell script stands for genai-bench."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from docker import APIClient
from tests.docker.clients import INSIDE, INSTALLATION, RUN, a_network, an_order, ours

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker.client import run_to_end
from airtune.launchers.docker.client_container import create_client, end_clients
from airtune.records import FailureClass
from airtune.testing.docker_base import BASE
from airtune.testing.docker_images import base, connected

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def client(docker_client: APIClient, docker_host: str) -> APIClient:
    base(host=docker_host)
    return docker_client


@pytest.fixture(scope="module")
def network(client: APIClient) -> Iterator[str]:
    with a_network(client) as network:
        yield network


def test_a_client_that_ends_leaves_its_output_its_folder_and_no_container(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    said: list[bytes] = []
    script = f"echo out; echo err >&2; mkdir {INSIDE}/out; echo 7 > {INSIDE}/out/result; exit 4"
    end = run_to_end(client, an_order(network, tmp_path, script), limit_s=30, feed=said.append)
    assert (end.why, end.exit_code) == ("ended", 4)
    assert sorted(b"".join(said).split()) == [b"err", b"out"]
    assert (tmp_path / "result").read_text() == "7\n"
    assert not ours(client, "client")


def test_a_client_is_ended_at_its_limit_with_what_it_has_left(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    script = f"mkdir {INSIDE}/out; echo half > {INSIDE}/out/result; sleep 60"
    began = time.monotonic()
    end = run_to_end(client, an_order(network, tmp_path, script), limit_s=1, feed=lambda data: None)
    assert (end.why, end.exit_code) == ("limit", None)
    assert time.monotonic() - began < 10
    assert (tmp_path / "result").read_text() == "half\n"
    assert not ours(client, "client")


def test_a_flood_of_output_does_not_hold_up_the_limit(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    size = 0

    def feed(data: bytes) -> None:
        nonlocal size
        size += len(data)

    order = an_order(network, tmp_path, "yes Received error response from server")
    began = time.monotonic()
    assert run_to_end(client, order, limit_s=1, feed=feed).why == "limit"
    assert time.monotonic() - began < 10
    assert size > 100_000


def test_a_client_whose_server_is_gone_ends_within_two_seconds(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    gone = threading.Event()
    threading.Timer(1.0, gone.set).start()
    order = an_order(network, tmp_path, "sleep 60")
    end = run_to_end(client, order, limit_s=30, feed=lambda data: None, should_stop=gone.is_set)
    assert end.why == "stopped"
    assert end.seconds < 3
    assert not ours(client, "client")


def test_a_complete_result_ends_a_client_that_says_it_has_finished(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    script = f"mkdir {INSIDE}/out; echo finished; echo 7 > {INSIDE}/out/result; sleep 60"
    end = run_to_end(
        client,
        an_order(network, tmp_path, script),
        limit_s=30,
        feed=lambda data: None,
        complete=(tmp_path / "result").exists,
    )
    assert (end.why, end.exit_code) == ("complete", None)
    assert end.seconds < 10


def test_a_client_that_closes_its_output_goes_on(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    order = an_order(network, tmp_path, "exec >&- 2>&-; sleep 1; exit 3")
    end = run_to_end(client, order, limit_s=30, feed=lambda data: None)
    assert (end.why, end.exit_code) == ("ended", 3)
    assert end.seconds >= 1


def test_folders_are_brought_without_mounts_and_links_to_files_as_files(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    given = tmp_path / "tokenizer"
    given.mkdir()
    (tmp_path / "blob").write_text("vocabulary")
    (given / "tokenizer.json").symlink_to(tmp_path / "blob")
    (given / "log").symlink_to("/dev/null")
    inside, into = Path("/airtune/tokenizer"), tmp_path / "into"
    script = f"mkdir {INSIDE}/out; cat {inside}/tokenizer.json > {INSIDE}/out/copy; "
    script += f"readlink {inside}/log >> {INSIDE}/out/copy"
    order = an_order(network, into, script, put={INSIDE: None, inside: given})
    assert run_to_end(client, order, limit_s=30, feed=lambda data: None).exit_code == 0
    assert (into / "copy").read_text() == "vocabulary/dev/null\n"


def test_a_client_has_labels_cores_its_network_and_no_rights(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    order = an_order(network, tmp_path, "true", cpus=(0,), env={"A": "b"})
    container = create_client(client, order)
    try:
        seen = client.inspect_container(container)
    finally:
        client.remove_container(container, force=True)
    config, host = seen["Config"], seen["HostConfig"]
    assert config["Labels"].items() >= {
        names.ROLE: "client", names.RUN_ID: RUN, names.SLOT: "0", names.ATTEMPT: "3",
        names.TRIAL: "1",
    }.items()  # fmt: skip
    assert (host["CpusetCpus"], host["NetworkMode"]) == ("0", network)
    assert (host["CapDrop"], host["Binds"], host["PortBindings"]) == (["ALL"], None, None)
    assert (config["Entrypoint"], config["Cmd"]) == (["sh"], ["-c", "true"])
    assert "A=b" in config["Env"]


def test_a_newer_attempt_ends_the_clients_of_earlier_ones_and_no_others(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    create_client(client, an_order(network, tmp_path, "sleep 60", slot=1))
    own = create_client(client, an_order(network, tmp_path, "sleep 60", slot=2, attempt=4))
    earlier = create_client(client, an_order(network, tmp_path, "sleep 60", slot=3))
    client.start(earlier)
    assert end_clients(client, INSTALLATION, RUN, 3, attempt_before=3) == 1
    assert end_clients(client, INSTALLATION, RUN, 2, attempt_before=3) == 0
    left = {one["Labels"][names.SLOT] for one in ours(client, "client")}
    assert left == {"1", "2"}
    assert end_clients(client, INSTALLATION, RUN, 1, attempt_before=3) == 0
    client.remove_container(own, force=True)


def test_a_client_left_by_an_earlier_attempt_gives_its_name_up(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    client.start(create_client(client, an_order(network, tmp_path, "sleep 60", attempt=1)))
    end = run_to_end(
        client, an_order(network, tmp_path, "true"), limit_s=30, feed=lambda data: None
    )
    assert end.exit_code == 0


def test_a_foreign_container_of_that_name_is_refused_and_left_alone(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    order = an_order(network, tmp_path, "true")
    foreign = client.create_container(image=BASE, command=["true"], name=order.name)["Id"]
    try:
        with pytest.raises(TrialFailed, match=r"is taken by a container .* not airtune") as caught:
            run_to_end(client, order, limit_s=30, feed=lambda data: None)
        assert client.inspect_container(foreign)["Id"] == foreign
    finally:
        client.remove_container(foreign, force=True)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_an_attempt_that_is_over_starts_no_client(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    order = an_order(
        network, tmp_path, f"mkdir {INSIDE}/out; touch {INSIDE}/out/ran", is_current=lambda: False
    )
    assert run_to_end(client, order, limit_s=30, feed=lambda data: None).why == "fenced_off"
    assert not (tmp_path / "ran").exists()
    assert not ours(client, "client")


def test_a_client_removed_by_a_newer_attempt_is_no_measurement(
    client: APIClient, network: str, tmp_path: Path
) -> None:
    entered = threading.Event()

    def take_over() -> None:
        entered.set()
        with connected() as other:
            end_clients(other, INSTALLATION, RUN, 0, attempt_before=3)

    threading.Timer(1.0, take_over).start()
    order = an_order(network, tmp_path, "sleep 60", is_current=lambda: not entered.is_set())
    began = time.monotonic()
    # It is seen either as ended or, asked for a moment later, as not there.
    with suppress(TrialFailed):
        assert run_to_end(client, order, limit_s=30, feed=lambda data: None).why == "fenced_off"
    assert time.monotonic() - began < 10
    assert not ours(client, "client")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image": "airtune-test/nowhere:1"}, "nowhere:1 is not on the engine's host"),
        ({"argv": ("no-such-bench", "benchmark")}, "has no program no-such-bench"),
    ],
)
def test_an_image_that_is_missing_or_no_client_is_named_with_the_fix(
    client: APIClient, network: str, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    order = an_order(network, tmp_path, "true", **changes)
    with pytest.raises(TrialFailed, match=f"{words}.*AIRTUNE_CLIENT_IMAGE") as caught:
        run_to_end(client, order, limit_s=30, feed=lambda data: None)
    assert caught.value.failure.failure_class is FailureClass.IMAGE
    assert not ours(client, "client")
