"""Namespaces for tests with OME: made ready for pods, and seen gone at the end."""

from airtune.testing.kubernetes_control import wait_until
from airtune.testing.ome_api import OmeApi, namespaced
from airtune.testing.ome_webhook import LABEL

_READY_S = 60.0


class Namespaces:
    """Namespaces whose names begin with ``prefix``.

    Args:
        belong: prefix of the stand-in that admits what is made in them.
    """

    def __init__(self, api: OmeApi, prefix: str, belong: str) -> None:
        self._api = api
        self._prefix = prefix
        self._belong = belong
        self._made = 0
        self._open: set[str] = set()

    def new(self) -> str:
        """Make one. Raises ``TimeoutError`` if it takes no pods after a minute."""
        self._made += 1
        name = f"{self._prefix}-{self._made}"
        metadata = {"name": name, "labels": {LABEL: self._belong}}
        self._api.post("/api/v1/namespaces", {"metadata": metadata})
        self._open.add(name)
        account = namespaced("/api/v1", "serviceaccounts", name, "default")
        wait_until(lambda: self._api.find(account) is not None, _READY_S, account)
        return name

    def drop(self, name: str) -> None:
        """Begin to remove one, with everything in it. Idempotent."""
        if self._api.find(f"/api/v1/namespaces/{name}") is None:
            return
        # Nobody waits for pods that ignore SIGTERM, genai-bench's for one.
        soon = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 1}
        self._api.delete(namespaced("/api/v1", "pods", name), soon)
        self._api.remove(f"/api/v1/namespaces/{name}")

    def leave(self, patience_s: float) -> None:
        """Remove all, and wait until they are gone.

        Raises:
            TimeoutError: some are not gone by then.
        """
        for name in self._open:
            self.drop(name)
        wait_until(self._gone, patience_s, f"the end of namespaces {', '.join(self._open)}")

    def _gone(self) -> bool:
        self._open = {
            name for name in self._open if self._api.find(f"/api/v1/namespaces/{name}") is not None
        }
        return not self._open
