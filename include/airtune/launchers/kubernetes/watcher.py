"""The pods of one server, kept up to date while somebody waits."""

import threading
import time
from types import TracebackType
from typing import Protocol, Self

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.events import Event, events_of
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.pods import ours, pods_of

_WATCH_S = 10
"""A watch is renewed so often, by a list: whatever it may have missed is seen then."""
_FIRST_S = 90.0


class Pods(Protocol):
    """Where the pods of a server, and what was reported about them, are read.

    Attributes:
        good_at: when the API server last answered, on the clock of ``time.monotonic``.
    """

    @property
    def good_at(self) -> float: ...

    def pods(self) -> list[Json]:
        """The server's pods, newest last.

        Raises:
            ApiRefused: they are not known at present.
        """

    def events(self, uid: str) -> list[Event]:
        """What was reported about one of them, newest last.

        Raises:
            ApiRefused: as ``pods``.
        """


class Listed:
    """Asks the API server each time: for one look."""

    def __init__(self, api: Api, handle: Handle) -> None:
        self._api = api
        self._handle = handle
        self.good_at = time.monotonic()

    def pods(self) -> list[Json]:
        """The server's pods, newest last."""
        found = pods_of(self._api, self._handle)
        self.good_at = time.monotonic()
        return found

    def events(self, uid: str) -> list[Event]:
        """What was reported about one of them, newest last."""
        return events_of(self._api, self._handle.namespace, uid)


class Watcher:
    """Watches in a thread, so that many looks cost the API server nothing.

    A watch that ends (HTTP 410, a restart of the server, its time) or that is not allowed is
    followed by a list; without watches it is a list every ``every_s``. The thread ends at most
    10 s after the block.

    Args:
        every_s: pods are listed, and events asked for, no more often.
    """

    def __init__(self, api: Api, handle: Handle, every_s: float = 1.0) -> None:
        self._api = api
        self._handle = handle
        self._every_s = every_s
        self._lock = threading.Lock()
        self._known, self._closed = threading.Event(), threading.Event()
        self._pods: dict[str, Json] = {}
        self._refused: ApiRefused | None = None
        self._good_at = time.monotonic()
        self._events: tuple[str, float, list[Event]] = ("", 0.0, [])
        self._thread = threading.Thread(target=self._run, name="pods", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()

    @property
    def good_at(self) -> float:
        """When the API server last answered, on the clock of ``time.monotonic``."""
        return self._good_at

    def pods(self) -> list[Json]:
        """The server's pods as of now, newest last.

        Raises:
            ApiRefused: the last list was refused, or had no answer.
        """
        if not self._known.wait(_FIRST_S):
            raise ApiRefused(0, "Unreachable", f"no list of pods within {_FIRST_S:.0f} s")
        with self._lock:
            if self._refused is not None:
                raise self._refused
            return ours(list(self._pods.values()), self._handle)

    def events(self, uid: str) -> list[Event]:
        """What was reported about one of them, newest last; at most ``every_s`` old."""
        of, asked_at, found = self._events
        if of != uid or time.monotonic() - asked_at > self._every_s:
            found = events_of(self._api, self._handle.namespace, uid)
            self._events = (uid, time.monotonic(), found)
        return found

    def _run(self) -> None:
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                self._follow(self._list())
            except ApiRefused:
                pass  # of a list it is kept; a watch is followed by a list
            # Were this thread to end, what it has seen last would count as the present for ever.
            except Exception as error:
                if self._closed.is_set():
                    return  # the client was closed under the watch
                self._refuse(ApiRefused(0, "Unreadable", f"{type(error).__name__}: {error}"))
            self._closed.wait(max(0.0, self._every_s - (time.monotonic() - began)))

    def _list(self) -> str:
        path = paths.pods(self._handle.namespace)
        try:
            answer = self._api.get(path, labelSelector=self._handle.pods)
        except ApiRefused as error:
            self._refuse(error)
            raise
        with self._lock:
            self._pods = {pod["metadata"]["uid"]: pod for pod in answer["items"]}
            self._refused, self._good_at = None, time.monotonic()
        self._known.set()
        return str(answer["metadata"].get("resourceVersion") or "")

    def _refuse(self, error: ApiRefused) -> None:
        with self._lock:
            self._refused = error
        self._known.set()

    def _follow(self, version: str) -> None:
        path, selector = paths.pods(self._handle.namespace), self._handle.pods
        for change, pod in self._api.watch(
            path, _WATCH_S, labelSelector=selector, resourceVersion=version
        ):
            if self._closed.is_set():
                return
            with self._lock:
                self._pods.pop(pod["metadata"]["uid"], None)
                if change != "DELETED":
                    self._pods[pod["metadata"]["uid"]] = pod
                self._good_at = time.monotonic()
