"""The trigger that waits for a server which starts slowly."""

import asyncio
import time
from typing import Any

from airtune.operators.wait_trigger import WaitTrigger

POLL_S = 1.0
PROBE_S = 30.0
"""One probe takes so long at most, a completion included."""


class StartTrigger(WaitTrigger):
    """Fires when the server is ready, has failed, or its time is over; the worker then judges.

    Args:
        launcher: ``local``, ``docker`` or ``docker/<host>``.
        endpoint, readiness: as JSON.
        deadline: epoch seconds.
    """

    def __init__(
        self, launcher: str, endpoint: dict[str, Any], readiness: dict[str, Any], deadline: float
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.launcher = launcher
        self.endpoint = endpoint
        self.readiness = readiness
        self.deadline = deadline

    def arguments(self) -> dict[str, Any]:
        """What the constructor takes, as JSON."""
        return {
            "launcher": self.launcher,
            "endpoint": self.endpoint,
            "readiness": self.readiness,
            "deadline": self.deadline,
        }

    async def wait(self) -> None:
        """Poll off the event loop until it is time."""
        while time.time() < self.deadline:
            if await asyncio.to_thread(self._settled):
                return
            await asyncio.sleep(POLL_S)

    def _settled(self) -> bool:
        """True unless the server is still starting."""
        from airtune.launchers.opening import opened
        from airtune.launchers.probe import Pending, Readiness
        from airtune.records import Endpoint
        from airtune.settings import Settings

        readiness = Readiness.model_validate(self.readiness)
        limit_s = min(PROBE_S, max(self.deadline - time.time(), 1.0))
        with opened(self.launcher, Settings.load()) as launcher:
            found = launcher.poll(Endpoint.model_validate(self.endpoint), readiness, limit_s)
        return not isinstance(found, Pending)
