"""A port of this host that leads to whichever pod is ready."""

import asyncio
import errno
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from tests.launchers.kubernetes.streams import HANDLE, api_at, streams

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.forward import Forward, _Relay

NO_SPARES = HANDLE.model_copy(update={"engine": "llama_cpp"})


def _ask(url: str, what: bytes = b"hello") -> bytes:
    """What the server says to it; nothing if the connection was closed instead."""
    where = urlsplit(url)
    try:
        with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
            connection.sendall(what)
            return connection.recv(1000)
    except ConnectionError:
        return b""


def _until(condition: object) -> None:
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("handle", [HANDLE, NO_SPARES], ids=["spares", "no spares"])
def test_each_connection_gets_a_tunnel_to_the_ready_pod(handle: object) -> None:
    with streams() as (fake, api), Forward(api, handle) as forward:  # type: ignore[arg-type]
        assert _ask(forward.url) == b"one:hello"
        assert _ask(forward.url) == b"one:hello"
        assert fake.requests[0] == (
            "Bearer tok", "/api/v1/namespaces/n/pods?labelSelector=app%3Dx",
        )  # fmt: skip


def test_tunnels_are_open_before_they_are_asked_for() -> None:
    with streams() as (fake, api), Forward(api, HANDLE) as forward:
        _until(lambda: fake.tunnels == 4)
        fake.refused = 500
        assert _ask(forward.url) == b"one:hello"


def test_llama_cpp_whose_threads_wait_at_silent_connections_gets_none_beforehand() -> None:
    with streams() as (fake, api), Forward(api, NO_SPARES) as forward:
        assert _ask(forward.url) == b"one:hello"
        assert fake.tunnels == 1


def test_another_pod_is_found_once_the_first_is_gone() -> None:
    with streams() as (fake, api), Forward(api, HANDLE) as forward:
        assert _ask(forward.url) == b"one:hello"
        fake.ready = ["two"]
        fake.cut()
        _until(lambda: _ask(forward.url) == b"two:hello")


def test_a_cut_ends_what_is_open_and_the_next_connection_works() -> None:
    with streams() as (fake, api), Forward(api, HANDLE) as forward:
        where = urlsplit(forward.url)
        with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
            connection.sendall(b"hello")
            assert connection.recv(1000) == b"one:hello"
            fake.cut()
            assert connection.recv(1000) == b""
        assert _ask(forward.url) == b"one:hello"


def test_a_connection_is_closed_at_once_where_there_is_no_pod_or_no_tunnel() -> None:
    with streams() as (fake, api), Forward(api, NO_SPARES) as forward:
        for ready, refused in (([], 0), (["one"], 403), (["one"], 500)):
            fake.ready, fake.refused = ready, refused
            time.sleep(0.01)
            began = time.monotonic()
            assert _ask(forward.url) == b""
            assert time.monotonic() - began < 2
        fake.ready, fake.refused = ["one"], 0
        assert _ask(forward.url) == b"one:hello"
        assert _ask(forward.url, b"fail") == b"", "nothing listens at the port"


def test_without_an_api_server_connections_are_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Forward(api_at(port), HANDLE) as forward:
        assert _ask(forward.url) == b""


def test_closing_ends_its_thread_and_every_connection() -> None:
    with streams() as (_fake, api):
        before = threading.active_count()
        forward = Forward(api, HANDLE)
        where = urlsplit(forward.url)
        with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
            connection.sendall(b"hello")
            assert connection.recv(1000) == b"one:hello"
            forward.close()
            assert connection.recv(1000) == b""
        forward.close()
        assert threading.active_count() == before


def test_a_client_that_has_said_all_still_gets_its_answer() -> None:
    with streams() as (_fake, api), Forward(api, HANDLE) as forward:
        where = urlsplit(forward.url)
        with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
            connection.sendall(b"a")
            assert connection.recv(1000) == b"one:a"
            connection.sendall(b"b")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1000) == b"one:b"
        with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
            connection.sendall(b"end")
            assert connection.recv(1000) == b"", "the server's end is the connection's"


def test_a_connection_that_comes_at_the_end_is_closed_too() -> None:
    with streams() as (_, api):
        for _ in range(30):
            forward = Forward(api, NO_SPARES)
            where = urlsplit(forward.url)
            ending = threading.Thread(target=forward.close)
            ending.start()
            try:
                with socket.create_connection((where.hostname, where.port), timeout=2) as late:
                    assert late.recv(1) == b""
            except ConnectionError:
                pass  # it came after the end, or was reset by it
            ending.join()


class _Full(socket.socket):
    """A listener of a process that has no file descriptor left, the first time."""

    tries = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.tries += 1
        if self.tries == 1:
            raise OSError(errno.EMFILE, "no file descriptor is left")
        return super().accept()


class _NoServer:
    async def get(self, path: str, **query: str) -> object:
        raise ApiRefused(0, "Unreachable", "nobody is there")


async def _tries_while_full() -> tuple[int, bytes]:
    """How often it was tried in the first third of a second, and what the client got then."""
    relay = _Relay(_NoServer(), NO_SPARES, beforehand=False)  # type: ignore[arg-type]
    listener = _Full()
    with listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        relay.listen(listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        await asyncio.sleep(0.3)
        tries = listener.tries
        try:
            got = await asyncio.wait_for(reader.read(1), 5)
        except ConnectionError:
            got = b""
        writer.close()
        asyncio.get_running_loop().remove_reader(listener)
    await relay.close()
    return tries, got


def test_a_process_without_file_descriptors_waits_and_then_goes_on() -> None:
    assert asyncio.run(_tries_while_full()) == (1, b"")
