"""The trigger that waits for a server which starts slowly."""

import asyncio
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from airtune.operators.wait_trigger import WaitTrigger

if TYPE_CHECKING:
    from airtune.launchers.launcher import Launcher

POLL_S = 1.0
PROBE_S = 30.0
"""One probe takes so long at most, a completion included."""


class StartTrigger(WaitTrigger):
    """Fires when the server is ready, has failed, or its time is over; the worker then judges.

    Args:
        launcher: ``local``, ``docker/<host>``, ``kubernetes`` ….
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
        with ExitStack() as stack:
            launcher = await asyncio.to_thread(self._opened, stack)
            while time.time() < self.deadline:
                if await asyncio.to_thread(self._settled, launcher):
                    return
                await asyncio.sleep(max(0.0, min(POLL_S, self.deadline - time.time())))

    def _opened(self, stack: ExitStack) -> "Launcher":
        from airtune.launchers.opening import opened
        from airtune.settings import Settings

        if self.launcher in {"kubernetes", "ome"}:
            from airtune.operators.cluster_connection import use_connections

            use_connections()
        kubeconfig = str(self.endpoint.get("handle", {}).get("kubeconfig") or "")
        return stack.enter_context(opened(self.launcher, Settings.load(), kubeconfig))

    def _settled(self, launcher: "Launcher") -> bool:
        """True unless the server is still starting."""
        from airtune.launchers.probe import Pending, Readiness
        from airtune.records import Endpoint

        readiness = Readiness.model_validate(self.readiness)
        limit_s = min(PROBE_S, max(self.deadline - time.time(), 1.0))
        found = launcher.poll(Endpoint.model_validate(self.endpoint), readiness, limit_s)
        return not isinstance(found, Pending)
