"""The output of a BenchmarkJob's pod, asked for again and again."""

import time
from collections.abc import Callable

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Api, ApiRefused

_EVERY_S = 1.0
_MOST = 2_000_000
"""Bytes of one look; a client whose requests all fail writes more than anybody reads."""


class JobLog:
    """Hands on what a container has written since the last look.

    Args:
        feed: gets whole lines.
    """

    def __init__(self, api: Api, namespace: str, feed: Callable[[bytes], None]) -> None:
        self._api, self._namespace, self._feed = api, namespace, feed
        self._next = 0.0
        self._last = ""

    def look(self, pod: str, container: str, *, now: bool = False) -> None:
        """One look, at most one a second.

        Args:
            now: the last one, whenever the one before was.
        """
        if time.monotonic() < self._next and not now:
            return
        self._next = time.monotonic() + _EVERY_S
        query = {"container": container, "timestamps": "true", "limitBytes": str(_MOST)}
        if self._last:  # to the second; what is known already is left out below
            query["sinceTime"] = self._last[:19] + "Z"
        try:
            text = self._api.text(f"{paths.pods(self._namespace, pod)}/log", **query)
        except ApiRefused:
            return  # its end is seen in its state
        for line in text.splitlines():
            stamp, _, words = line.partition(" ")
            if stamp > self._last:
                self._last = stamp
                self._feed(words.encode() + b"\n")
