"""A container's output: followed while somebody waits, saved in full before removal."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import APIError

from airtune.launchers.docker.state import epoch

TAIL_CHARACTERS = 4000
_JUDGED_LINES = 4000
_LINES_A_LOOK = 20
_REREAD_S = 0.001
_GONE = frozenset({404, 409})
_log = logging.getLogger(__name__)


def gone(error: APIError) -> bool:
    """True if the engine says that the container is not there, or is going at this moment."""
    return error.status_code in _GONE


def output(client: Any, container: str, lines: int = _JUDGED_LINES) -> str:
    """The last ``lines`` of a container's output; empty if it is gone."""
    try:
        data: bytes = client.logs(container, stdout=True, stderr=True, tail=lines)
    except APIError as error:
        if not gone(error):
            raise
        return ""
    return data.decode(errors="replace")


def save(client: Any, container: str, path: Path) -> None:
    """Write all of a container's output to ``path``; a file that is there is replaced.

    That the file cannot be written (another host's folder, a full disk) must not keep a server
    alive: it is logged.
    """
    draft = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        chunks = client.logs(container, stdout=True, stderr=True, stream=True, follow=False)
        with draft.open("wb") as file:
            file.writelines(chunks)
        draft.replace(path)
    except OSError as error:  # the SDK's errors are among them
        with suppress(OSError):
            draft.unlink()
        if isinstance(error, APIError) and gone(error):
            return
        _log.warning("the log of container %s is lost: %s", container[:12], error)


class Follower:
    """Hands on what a container writes: all of it to a file, some of it to people.

    Args:
        path: rewritten from the container's first line on, so that a second follower (after an
            adoption) repeats nothing.
        say: gets at most 20 lines a look.
    """

    def __init__(self, client: Any, container: str, path: Path, say: Callable[[str], None]) -> None:
        self._client = client
        self._container = container
        self._path = path
        self._say = say
        self._last = ""
        """Time stamp of the last line that was handed on."""

    def look(self) -> int:
        """Hand on what has come since the last look; returns how many lines."""
        new = self._new_lines()
        if not new:
            return 0
        self._write([text for _, text in new], fresh=not self._last)
        self._last = new[-1][0]
        for _, text in new[:_LINES_A_LOOK]:
            self._say(text.rstrip())
        if (more := len(new) - _LINES_A_LOOK) > 0:
            self._say(f"… {more} more lines in {self._path}")
        return len(new)

    def _new_lines(self) -> list[tuple[str, str]]:
        since = epoch(self._last)
        # The stamps are finer than a float: ask for a little more, compare the texts.
        options = {} if since is None else {"since": since - _REREAD_S}
        try:
            data: bytes = self._client.logs(
                self._container, stdout=True, stderr=True, timestamps=True, **options
            )
        except APIError as error:
            if not gone(error):
                raise
            return []
        lines = (line.partition(" ") for line in data.decode(errors="replace").split("\n"))
        return [(stamp, text) for stamp, _, text in lines if stamp > self._last]

    def _write(self, lines: list[str], *, fresh: bool) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("w" if fresh else "a") as file:
                file.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._path, error)
