"""How a process of this host reaches a server in the cluster."""

import threading
from typing import Self

from airtune.launchers.kubernetes.access import in_cluster
from airtune.launchers.kubernetes.api import ClusterApi
from airtune.launchers.kubernetes.forward import Forward
from airtune.launchers.kubernetes.handle import Handle
from airtune.records import Endpoint
from airtune.settings import Settings


class Reach:
    """URLs of servers, as this process reaches them: their own, or a port-forward's.

    Thread-safe. What it has opened is open until ``close``.
    """

    def __init__(self, api: ClusterApi, settings: Settings) -> None:
        self._api = api
        way = settings.cluster.reach
        self._direct = way == "direct" or (way == "auto" and in_cluster())
        self._forwards: dict[tuple[str, str], Forward] = {}
        self._lock = threading.Lock()

    def url(self, endpoint: Endpoint) -> str:
        """Where the server answers, seen from here."""
        handle = Handle.of(endpoint)
        if self._direct:
            return handle.inside_url
        with self._lock:
            key = handle.namespace, handle.pods
            if key not in self._forwards:
                self._forwards[key] = Forward(self._api, handle)
            return self._forwards[key].url

    def close(self) -> None:
        """End what it has opened; idempotent."""
        with self._lock:
            while self._forwards:
                self._forwards.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
