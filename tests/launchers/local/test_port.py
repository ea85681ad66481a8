import os
import socket
import subprocess
import sys

from airtune.launchers.local.port import free_port, owners

HOST = "127.0.0.1"


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server((HOST, free_port(HOST))) as server:
        assert server.getsockname()[1] >= 20_000


def test_free_ports_differ() -> None:
    assert len({free_port(HOST) for _ in range(5)}) > 1


def test_nobody_listens_on_a_free_port() -> None:
    assert owners(free_port(HOST), lambda: [os.getpid()]) == (False, False)


def test_a_listener_is_told_from_a_stranger() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert owners(port, lambda: [os.getpid()]) == (True, False)
        assert owners(port, list) == (False, True)
        assert owners(port, lambda: [2**22 + 1]) == (False, True)


def test_a_bound_socket_that_does_not_listen_is_nobody() -> None:
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        assert owners(bound.getsockname()[1], lambda: [os.getpid()]) == (False, False)


def test_two_processes_that_share_a_port_are_both_seen() -> None:
    code = (
        "import socket, sys; s = socket.socket();"
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1);"
        f"s.bind(('{HOST}', int(sys.argv[1]))); s.listen(); print(flush=True); sys.stdin.read()"
    )
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        ours.bind((HOST, 0))
        ours.listen()
        port = ours.getsockname()[1]
        other = subprocess.Popen(
            [sys.executable, "-S", "-c", code, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert other.stdout is not None
        other.stdout.readline()
        found = owners(port, lambda: [os.getpid()])
        other.communicate()
    assert found == (True, True)
