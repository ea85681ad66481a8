"""The client's output: live, bounded, redacted."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from airtune.benchmark.output import Bounds, ClientOutput


def _run(path: Path, chunks: list[bytes], bounds: Bounds | None = None) -> tuple[list[str], str]:
    lines: list[str] = []
    with ClientOutput(path, lines.append, ["hf_secret"], bounds) as output:
        for chunk in chunks:
            output.feed(chunk)
    return lines, path.read_text()


def test_lines_are_passed_on_as_they_come(tmp_path: Path) -> None:
    lines: list[str] = []
    with ClientOutput(tmp_path / "log", lines.append) as output:
        output.feed(b"one\ntw")
        assert lines == ["one"]
        output.feed(b"o\r\nthree")
        assert lines == ["one", "two"]
    assert lines == ["one", "two", "three"]
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"


def test_what_is_not_shown_is_counted_in_one_line(tmp_path: Path) -> None:
    lines, text = _run(tmp_path / "log", [b"12345\n" * 100], Bounds(lines=10))
    assert lines[:10] == ["12345"] * 10
    assert lines[10:] == [
        "[90 more lines of the client's output (450 bytes) are not shown; its beginning and end "
        f"are in {tmp_path / 'log'}]"
    ]
    assert text == "12345\n" * 100


def test_bytes_and_lines_in_one_second_are_bounded_too(tmp_path: Path) -> None:
    lines, _ = _run(tmp_path / "a", [b"x" * 60 + b"\n"] * 10, Bounds(log_bytes=200))
    assert len(lines) == 4
    lines, _ = _run(tmp_path / "b", [b"x\n"] * 1000, Bounds(lines_per_second=5))
    assert len(lines) <= 11  # the second may change once


def test_the_file_is_capped_and_ends_with_the_last_lines(tmp_path: Path) -> None:
    chunks = [f"line {number}\n".encode() for number in range(10_000)]
    _, text = _run(tmp_path / "log", chunks, Bounds(file_bytes=1000, tail_bytes=100))
    assert text.startswith("line 0\nline 1\n")
    assert "bytes left out; the end:]" in text
    assert text.endswith("line 9998\nline 9999\n")
    assert len(text) < 1200


def test_a_line_without_an_end_takes_no_memory(tmp_path: Path) -> None:
    bounds = Bounds(line_chars=50)
    lines, text = _run(tmp_path / "log", [b"x" * 1000] * 200, bounds)
    assert max(map(len, lines[:-1])) < 60
    assert len(text) < 60 * 201


def test_noise_is_in_the_file_alone(tmp_path: Path) -> None:
    noise = b"INFO - benchmark - region: None\nINFO - benchmark - region: x\n"
    lines, text = _run(tmp_path / "log", [noise])
    assert lines == ["INFO - benchmark - region: x"]
    assert text == noise.decode()


@given(st.lists(st.integers(1, 40), max_size=10))
def test_a_secret_is_redacted_wherever_the_chunks_are_cut(cuts: list[int]) -> None:
    data = b"token hf_secret in hf_secret\nand hf_secret again"
    chunks = []
    for cut in cuts:
        chunks.append(data[:cut])
        data = data[cut:]
    lines: list[str] = []
    with ClientOutput(Path("/dev/null"), lines.append, ["hf_secret"]) as output:
        for chunk in [*chunks, data]:
            output.feed(chunk)
        tail = output.tail
    assert lines == ["token *** in ***", "and *** again"]
    assert "hf_secret" not in tail


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    lines, _ = _run(tmp_path / "log", [b"\xff\xfe ok\n"])
    assert lines[0].endswith(" ok")
