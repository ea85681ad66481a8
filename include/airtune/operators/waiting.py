"""The trigger that wakes a slot when it has come to the head of the queue for devices."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airtune.operators.wait_trigger import WaitTrigger

if TYPE_CHECKING:
    from airtune.study.store import Store

POLL_S = 0.5
SLOW_POLL_S = 5.0
AT_LATEST_S = 60.0
"""A waiting head comes back to a worker this often, to look for dead owners of devices."""


class LeaseTrigger(WaitTrigger):
    """Fires when the slot is first in the queue and its devices are free, or it should look.

    A slot that was not the head wakes as soon as it is: the devices are still held then, but
    its worker is warm by the time they are not.

    Args:
        run, slot, attempt: who waits.
        devices: how many devices it needs.
        was_head: it was already the head when it deferred.
        pool: names of the devices it can have.
    """

    def __init__(
        self,
        run: str,
        slot: int,
        attempt: int,
        devices: int,
        was_head: bool,
        pool: Sequence[str],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.run_key = run
        self.slot = slot
        self.attempt = attempt
        self.devices = devices
        self.was_head = was_head
        self.pool = list(pool)

    def arguments(self) -> dict[str, Any]:
        """What the constructor takes, as JSON."""
        return {
            "run": self.run_key,
            "slot": self.slot,
            "attempt": self.attempt,
            "devices": self.devices,
            "was_head": self.was_head,
            "pool": self.pool,
        }

    async def wait(self) -> None:
        """Poll off the event loop until it is time."""
        from airtune.settings import Settings
        from airtune.study.store import Store

        settings = Settings.load()
        latest = time.monotonic() + AT_LATEST_S
        with await asyncio.to_thread(Store.open, settings.store_url) as store:
            while True:
                ahead = await asyncio.to_thread(store.position, self.run_key, self.slot)
                if not ahead and await asyncio.to_thread(self._due, store):
                    return
                if self.was_head and time.monotonic() > latest:
                    return
                # The next one has to be quick; for those far behind there is time.
                await asyncio.sleep(min(POLL_S * max(1, ahead), SLOW_POLL_S))

    def _due(self, store: "Store") -> bool:
        if not self.was_head:
            return True
        held = {device for lease in store.holders() for device in lease.devices}
        free = [name for name in self.pool if name not in held]
        return len(free) >= self.devices
