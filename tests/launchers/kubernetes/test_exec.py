"""A program in a pod: its input, its output, its exit code."""

import pytest
from tests.launchers.kubernetes.streams import api_at, streams

from airtune.launchers.kubernetes import exec as remote
from airtune.launchers.kubernetes.api import ApiRefused


def test_every_byte_goes_in_and_comes_out() -> None:
    data = bytes(range(256)) * 4096
    with streams() as (fake, api):
        fake.program = lambda argv, stdin: (" ".join(argv).encode() + stdin, b"", 0)
        assert remote.run(api, "n", "one", "c", ["a", "b c"], data) == b"a b c" + data


def test_an_api_server_that_cannot_end_the_input_still_takes_it() -> None:
    with streams() as (fake, api):
        fake.protocol = "v4.channel.k8s.io"
        assert remote.run(api, "n", "one", "c", ["tar"], b"archive EOF") == b"archive EOF"


def test_a_failure_has_the_code_and_the_words_of_the_program() -> None:
    with streams() as (fake, api):
        fake.program = lambda argv, stdin: (b"half", b"disk full\n", 7)
        with pytest.raises(remote.ExecFailed, match=r"^disk full$") as caught:
            remote.run(api, "n", "one", "c", ["tar"])
    assert (caught.value.exit_code, caught.value.output) == (7, b"half")


def test_output_is_bounded() -> None:
    with streams() as (fake, api):
        fake.program = lambda argv, stdin: (b"x" * 11, b"", 0)
        with pytest.raises(remote.TooMuch, match="more than 10 bytes"):
            remote.run(api, "n", "one", "c", ["tar"], most=10)


def test_an_api_server_that_is_away_is_said_as_such() -> None:
    with pytest.raises(ApiRefused) as caught:
        remote.run(api_at(1), "n", "one", "c", ["tar"])
    assert (caught.value.status, caught.value.reason) == (0, "Unreachable")
