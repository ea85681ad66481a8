"""The client's output: followed live, but bounded, redacted, and kept in a capped file."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_NOISE = ("NoneType value in metric audio_throughput", ": None\n")
"""Lines genai-bench prints for each request or unset option; in the file, not in the log."""


@dataclass(frozen=True)
class Bounds:
    """How much of the output is kept where.

    Attributes:
        lines_per_second: more lines than these in one second are not shown in the log.
        lines, log_bytes: more than these in one call are not shown in the log.
        line_chars: a longer line is cut there.
        file_bytes: where the file ends; only its tail follows.
        tail_bytes: kept of the end, for failures and for the file's end.
    """

    lines_per_second: int = 100
    lines: int = 1000
    log_bytes: int = 200_000
    line_chars: int = 2000
    file_bytes: int = 5_000_000
    tail_bytes: int = 16_000


class ClientOutput:
    """Takes the client's bytes as they come; never waits for anything but ``log`` and the disk.

    Args:
        path: file that the output goes to.
        log: gets each line, without its line end.
        secrets: texts that appear nowhere; ``***`` stands instead.
    """

    def __init__(
        self,
        path: Path,
        log: Callable[[str], None],
        secrets: Sequence[str] = (),
        bounds: Bounds | None = None,
    ) -> None:
        self._log, self._secrets, self._bounds = log, [s for s in secrets if s], bounds or Bounds()
        self._file = path.open("w", encoding="utf-8", errors="replace")
        self._partial = b""
        self._written = self._unwritten = 0
        self._shown = self._shown_bytes = self._dropped = self._dropped_bytes = 0
        self._second, self._in_second = 0, 0
        self._last: deque[str] = deque()
        self._last_chars = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes; whole lines are passed on at once."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._partial) > self._bounds.line_chars * 4:  # a line without an end
            self._line(self._partial)
            self._partial = b""

    @property
    def tail(self) -> str:
        """The last lines, at most ``tail_bytes`` characters of them."""
        return "".join(self._last)

    def close(self) -> None:
        """Pass on what is left, say how much was not shown, and close the file."""
        if self._partial:
            self._line(self._partial)
            self._partial = b""
        if self._dropped:
            self._log(
                f"[{self._dropped} more lines of the client's output ({self._dropped_bytes} bytes) "
                f"are not shown; its beginning and end are in {self._file.name}]"
            )
        if self._unwritten:
            self._file.write(f"[… {self._unwritten} bytes left out; the end:]\n{self.tail}")
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _line(self, raw: bytes) -> None:
        text = raw.decode(errors="replace").rstrip("\r")
        for secret in self._secrets:
            text = text.replace(secret, "***")
        if len(text) > self._bounds.line_chars:
            text = text[: self._bounds.line_chars] + " […]"
        self._keep(text + "\n")
        if not any(noise in text + "\n" for noise in _NOISE):
            self._show(text)

    def _keep(self, line: str) -> None:
        self._last.append(line)
        self._last_chars += len(line)
        while self._last_chars > self._bounds.tail_bytes:
            self._last_chars -= len(self._last.popleft())
        size = len(line.encode(errors="replace"))
        if self._unwritten or self._written + size > self._bounds.file_bytes:
            self._unwritten += size
            return
        self._written += size
        self._file.write(line)

    def _show(self, line: str) -> None:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._in_second = second, 0
            self._file.flush()
        size, bounds = len(line.encode(errors="replace")), self._bounds
        if (
            self._in_second >= bounds.lines_per_second
            or self._shown >= bounds.lines
            or self._shown_bytes + size > bounds.log_bytes
        ):
            self._dropped += 1
            self._dropped_bytes += size
            return
        self._in_second += 1
        self._shown += 1
        self._shown_bytes += size
        self._log(line)
