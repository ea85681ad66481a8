"""The port-forward against a real API server: what goes through it, and what it survives."""

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.kubernetes.clients import (
    a_cluster,
    a_namespace,
    a_server,
    end,
    settings_of,
    start_server,
    the_settings,
)
from tests.kubernetes.relay import Relay, relayed

from airtune.launchers.kubernetes import exec as remote
from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.access import connect
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.forward import Forward
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.reach import Reach
from airtune.records import Endpoint

pytestmark = pytest.mark.kubernetes
ECHO_PORT = 9000
ECHO = f"""
import socket
with socket.create_server(("0.0.0.0", {ECHO_PORT})) as listening, listening.accept()[0] as one:
    left = int.from_bytes(one.recv(8, socket.MSG_WAITALL), "big")
    while left:
        data = one.recv(65536)
        one.sendall(data)
        left -= len(data)
"""
LARGE = 10 << 20


@pytest.fixture(scope="module")
def api() -> Iterator[ClusterApi]:
    with a_cluster() as api:
        yield api


@pytest.fixture(scope="module")
def namespace(api: ClusterApi) -> Iterator[str]:
    with a_namespace(api) as namespace:
        yield namespace


@pytest.fixture(scope="module")
def endpoint(api: ClusterApi, namespace: str) -> Iterator[Endpoint]:
    with a_server(api, namespace, ttft_ms=20, tpot_ms=50) as endpoint:
        yield endpoint


@pytest.fixture
def reached(api: ClusterApi, endpoint: Endpoint) -> Iterator[str]:
    with Reach(api, the_settings()) as reach:
        yield reach.url(endpoint)


@pytest.fixture
def cut(tmp_path: Path, endpoint: Endpoint) -> Iterator[tuple[Relay, str, ClusterApi]]:
    """A relay to the API server, the server's URL through it, and the API through it."""
    kubeconfig = Path(os.environ["AIRTUNE_TEST_KUBECONFIG"])
    with relayed(kubeconfig, tmp_path) as (relay, through):
        settings = settings_of(str(through))
        with connect(settings, patience_s=0) as api, Reach(api, settings) as reach:
            yield relay, reach.url(endpoint), api


def _get(url: str, path: str = "/v1/models", timeout_s: float = 10) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()
    finally:
        connection.close()


def _eventually(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            _get(url)
            return
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_requests_reach_the_server_side_by_side(reached: str) -> None:
    assert b"fake-x" in _get(reached)
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(5):
                _get(reached)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_stream_arrives_as_it_is_written(reached: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(reached).netloc, timeout=10)
    body = {"model": "fake-x", "messages": [{"role": "user", "content": "hi"}]}
    body |= {"max_tokens": 10, "stream": True}
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    answer = connection.getresponse()
    seen = []
    while line := answer.readline():
        if line.startswith(b"data: {"):
            seen.append(time.monotonic())
    connection.close()
    assert len(seen) >= 10
    assert seen[-1] - seen[0] > 0.3, "ten tokens with 50 ms between them came all at once"


def test_a_client_that_has_said_all_still_gets_its_answer(reached: str) -> None:
    url = urlsplit(reached)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while data := connection.recv(65536):
            found += data
    assert b"200 OK" in found
    assert b"fake-x" in found


def test_large_bodies_go_both_ways_at_once(api: ClusterApi, endpoint: Endpoint) -> None:
    handle = Handle.of(endpoint)
    where = (api, handle.namespace, handle.name, "server")
    serving = threading.Thread(target=remote.run, args=(*where, ["python3", "-c", ECHO]))
    serving.start()
    body = os.urandom(1 << 16) * (LARGE >> 16)
    # It serves one connection: none may be opened beforehand.
    handle = handle.model_copy(update={"port": ECHO_PORT, "engine": "llama_cpp"})
    with Forward(api, handle) as forward:
        found = b""
        deadline = time.monotonic() + 10
        while not found:
            assert time.monotonic() < deadline, "nothing was ever listening"
            found = _echoed(forward, body)
    assert found == body
    serving.join()


def _echoed(forward: Forward, body: bytes) -> bytes:
    url = urlsplit(forward.url)
    found = bytearray()
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:

        def send() -> None:
            try:
                connection.sendall(len(body).to_bytes(8, "big") + body)
            except OSError:
                return

        sending = threading.Thread(target=send)
        sending.start()
        try:
            while data := connection.recv(1 << 16):
                found += data
        except ConnectionError:
            found.clear()
        sending.join()
    return bytes(found)


def test_a_replaced_pod_is_found(api: ClusterApi, endpoint: Endpoint, reached: str) -> None:
    handle = Handle.of(endpoint)
    _get(reached)
    end(api, paths.pods(handle.namespace, handle.name))
    began = time.monotonic()
    with pytest.raises((OSError, http.client.HTTPException)):
        _get(reached)
    assert time.monotonic() - began < 3, "while there is no pod, connections are closed at once"
    start_server(api, handle.namespace)
    _eventually(reached)


def test_a_tunnel_that_is_cut_ends_one_request_and_the_next_one_works(
    cut: tuple[Relay, str, ClusterApi],
) -> None:
    relay, url, _ = cut
    _get(url)
    relay.cut()
    relay.mend()
    _eventually(url)
    for _ in range(5):
        _get(url)


def test_without_an_api_server_connections_are_closed_and_errors_are_clean(
    cut: tuple[Relay, str, ClusterApi], endpoint: Endpoint
) -> None:
    relay, url, api = cut
    handle = Handle.of(endpoint)
    _get(url)
    relay.cut()
    for _ in range(6):  # spare tunnels are of no use either
        began = time.monotonic()
        with pytest.raises((OSError, http.client.HTTPException)):
            _get(url)
        assert time.monotonic() - began < 2
    with pytest.raises(ApiRefused) as caught:
        remote.run(api, handle.namespace, handle.name, "server", ["true"])
    assert caught.value.status == 0
    relay.mend()
    _eventually(url)


def test_a_program_in_a_pod_gets_its_input_and_gives_its_output_and_code(
    api: ClusterApi, endpoint: Endpoint
) -> None:
    handle = Handle.of(endpoint)
    where = (api, handle.namespace, handle.name, "server")
    data = bytes(range(256)) * 5000
    assert remote.run(*where, ["cat"], data) == data
    with pytest.raises(remote.ExecFailed, match="no such luck") as failed:
        remote.run(*where, ["sh", "-c", "echo part; echo no such luck >&2; exit 3"])
    assert (failed.value.exit_code, failed.value.output) == (3, b"part\n")
    with pytest.raises(remote.ExecFailed, match="did not end within"):
        remote.run(*where, ["sleep", "5"], limit_s=0.5)
    with pytest.raises(remote.TooMuch):
        remote.run(*where, ["cat"], data, most=1000)
    with pytest.raises(ApiRefused) as missing:
        remote.run(api, handle.namespace, "no-such-pod", "server", ["true"])
    assert missing.value.status == 404
    assert "no-such-pod" in missing.value.message
