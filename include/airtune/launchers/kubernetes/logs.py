"""A container's output: followed while somebody waits, saved in full before removal."""

import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, ApiRefused
from airtune.launchers.kubernetes.pods import PodState
from airtune.launchers.kubernetes.stamps import epoch, stamp

TAIL_CHARACTERS = 4000
_JUDGED_LINES = 4000
_LINES_A_LOOK = 20
_STAMPED = re.compile(r"\d{4}-\d\d-\d\dT\S+ ")
_log = logging.getLogger(__name__)


def tail(
    api: Api,
    namespace: str,
    pod: str,
    container: str,
    *,
    previous: bool = False,
    lines: int = _JUDGED_LINES,
) -> str:
    """The last ``lines`` of a container's output; empty if there is none to be had.

    Args:
        previous: of the container that ran before this one was started again.
    """
    more = {"previous": "true"} if previous else {}
    try:
        return api.text(_path(namespace, pod), container=container, tailLines=str(lines), **more)
    except ApiRefused:
        return ""


def output(api: Api, namespace: str, state: PodState, container: str) -> str:
    """The end of what a pod's container wrote last, also where it has been started again."""
    log = tail(api, namespace, state.name, container)
    if state.restarts and (state.terminated is not None or not log):
        before = tail(api, namespace, state.name, container, previous=True)
        return f"{before}{log}" if state.running else before or log
    return log


def save(api: Api, namespace: str, pod: str, container: str, path: Path) -> None:
    """Write all of a container's output to ``path``; a file that is there is replaced.

    Where it has been started again, the output before that comes first. The kubelet keeps the
    last 10 MiB of a log (its ``containerLogMaxSize``), so it fits into memory. That it cannot be
    had or written must not keep a server alive: it is logged.
    """
    draft = path.with_name(f"{path.name}.part")
    try:
        before = _before(api, namespace, pod, container)
        written = api.text(_path(namespace, pod), container=container)
        if not before + written:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(before + written)
        draft.replace(path)
    except (ApiRefused, OSError) as error:
        with suppress(OSError):
            draft.unlink()
        if not (isinstance(error, ApiRefused) and error.status in {400, 404}):
            _log.warning("the log of pod %s is lost: %s", pod, error)


class Follower:
    """Hands on what a container writes: all of it to a file, some of it to people.

    Args:
        path: rewritten from the container's first line on, so that a second follower (after an
            adoption) repeats nothing.
        say: gets at most 20 lines a look.
        every_s: it asks the API server no more often.
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        container: str,
        path: Path,
        say: Callable[[str], None],
        every_s: float = 1.0,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._container = container
        self._path = path
        self._say = say
        self._every_s = every_s
        self._next = 0.0
        self._pod = ""
        self._last = ""
        """Time stamp of the last line that was handed on."""

    def look(self, pod: str, *, now: bool = False) -> int:
        """Hand on what has come since the last look; returns how many lines.

        Args:
            pod: its name; another one than at the last look is followed from its start.
            now: do not wait for ``every_s``.
        """
        if time.monotonic() < self._next and not now:
            return 0
        self._next = time.monotonic() + self._every_s
        if pod != self._pod:
            self._pod, self._last = pod, ""
        new = self._new_lines(pod)
        if not new:
            return 0
        self._write([text for _, text in new], fresh=not self._last)
        self._last = new[-1][0]
        for _, text in new[:_LINES_A_LOOK]:
            self._say(text.rstrip())
        if (more := len(new) - _LINES_A_LOOK) > 0:
            self._say(f"… {more} more lines in {self._path}")
        return len(new)

    def _new_lines(self, pod: str) -> list[tuple[str, str]]:
        # The API takes whole seconds: ask for a little more, compare the stamps as texts.
        since = epoch(self._last)
        query = {} if since is None else {"sinceTime": stamp(since)}
        try:
            text = self._api.text(
                _path(self._namespace, pod), container=self._container, timestamps="true", **query
            )
        except ApiRefused:
            return []
        # Between the container's lines the kubelet puts some of its own, without a stamp.
        lines = (line.partition(" ") for line in text.split("\n") if _STAMPED.match(line))
        return [(when, line) for when, _, line in lines if when > self._last]

    def _write(self, lines: list[str], *, fresh: bool) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("w" if fresh else "a") as file:
                file.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._path, error)


def _before(api: Api, namespace: str, pod: str, container: str) -> str:
    pods = api.get(paths.pods(namespace, pod))
    if not PodState.of(pods, container).restarts:
        return ""
    try:
        return api.text(_path(namespace, pod), container=container, previous="true")
    except ApiRefused:  # the kubelet has thrown it away
        return ""


def _path(namespace: str, pod: str) -> str:
    return f"{paths.pods(namespace, pod)}/log"
