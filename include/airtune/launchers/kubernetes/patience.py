"""An ``Api`` that rides out short outages of the API server."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_AWAY = frozenset({0, 429, 500, 502, 503, 504})
_UNSURE_S = 10.0
"""HTTP 500 may be an outage, or the answer: it is asked for again only for so long."""
_FIRST_S = 15.0
"""An address that has never answered may be a wrong one."""
_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0


class PatientApi(ClusterApi):
    """``ClusterApi`` that asks again while the API server is away.

    Creations are repeated as well: a name is a lock, and whoever creates adopts what is his own.

    Args:
        patience_s: for one call in all, ≥ 0; 0 asks once.
    """

    def __init__(self, client: "ApiClient", patience_s: float = 60.0) -> None:
        super().__init__(client)
        self._patience_s = patience_s
        self._reached = False

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
        *args: Any,
        **options: Any,
    ) -> Any:
        began, pause = time.monotonic(), _PAUSE_S
        while True:
            try:
                answer = super()._call(method, path, body, query, *args, **options)
                self._reached = True
                return answer
            except ApiRefused as error:
                if time.monotonic() - began + pause > self._limit_s(error, path):
                    raise
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _limit_s(self, error: ApiRefused, path: str) -> float:
        if error.status not in _AWAY or _for_ever(error):
            return 0.0
        if error.status == 0:
            return self._patience_s if self._reached else min(_FIRST_S, self._patience_s)
        if path.endswith("/log"):  # the node's answer, not the API server's
            return 0.0
        return min(_UNSURE_S, self._patience_s) if error.status == 500 else self._patience_s


def _for_ever(error: ApiRefused) -> bool:
    """Wrong certificates do not become right by waiting."""
    return error.status == 0 and "CERTIFICATE_VERIFY_FAILED" in error.message
