"""A client's output, followed through cut connections."""

import threading
import time
from collections.abc import Iterator
from typing import Any

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.client_output import PodOutput

SECOND = "2026-11-24T12:00:0{}.00000000{}Z"


class Log:
    """A container's log; each look at it is one of ``looks``: lines, then perhaps a cut."""

    def __init__(self, *looks: list[Any]) -> None:
        self.looks = list(looks)
        self.since: list[str] = []
        self.asked = threading.Event()

    def lines(self, path: str, read_s: float, **query: str) -> Iterator[bytes]:
        self.since.append(query.get("sinceTime", ""))
        assert path == "/api/v1/namespaces/n/pods/p/log"
        for line in self.looks.pop(0) if self.looks else []:
            if isinstance(line, Exception):
                raise line
            yield line
        if not self.looks:
            self.asked.set()


def _line(second: int, part: int, text: str) -> bytes:
    return f"{SECOND.format(second, part)} {text}".encode()


def _all(log: Log) -> bytes:
    output = PodOutput(log, "n", "p", "client")  # type: ignore[arg-type]
    try:
        log.asked.wait(5)
        return output.finish(5)
    finally:
        output.close()


def test_lines_come_without_their_stamps() -> None:
    assert _all(Log([_line(1, 1, "one"), _line(1, 2, ""), _line(2, 1, "two words")])) == (
        b"one\n\ntwo words\n"
    )


def test_after_a_cut_no_line_is_lost_and_none_comes_twice() -> None:
    cut = ApiRefused(0, "Unreachable", "reset")
    first = [_line(1, 1, "a"), _line(1, 2, "b"), cut]
    again = [_line(1, 1, "a"), _line(1, 2, "b"), _line(1, 3, "c"), _line(3, 1, "d")]
    log = Log(first, again)
    assert _all(log) == b"a\nb\nc\nd\n"
    assert log.since[:2] == ["", "2026-11-24T12:00:01Z"]


def test_a_clock_that_goes_back_silences_nothing() -> None:
    assert _all(Log([_line(5, 1, "a"), _line(2, 1, "b")])) == b"a\nb\n"


def test_a_pod_that_has_gone_ends_its_output() -> None:
    output = PodOutput(Log([ApiRefused(404, "NotFound", "p")]), "n", "p", "client")  # type: ignore[arg-type]
    began = time.monotonic()
    assert output.finish(5) == b""
    assert time.monotonic() - began < 2
    output.close()
