"""A slot waits for its devices: the head of the queue in its worker, the others deferred."""

import time
from dataclasses import dataclass

from airtune.operators.slot import Slot
from airtune.processes.place import Place
from airtune.records import Lease
from airtune.study.reap import reap

POLL_S = 0.05
HEAD_WAIT_S = 300.0
"""Only one slot of the whole store waits this long in a worker, so that a device that becomes
free is taken at once: coming back from a deferral costs 2 to 3 seconds."""
OTHERS_WAIT_S = 0.5
PROBE_EVERY_S = 5.0


@dataclass
class LeaseWait:
    """Waiting of one task process for its slot's devices."""

    slot: Slot

    def lease(self) -> Lease | None:
        """The lease, or None when it is time to defer.

        Raises:
            TaskError: the inventory can never hold what the configuration needs.
        """
        store, spec = self.slot.store, self.slot.spec
        inventory = [device.name for device in self.slot.settings.devices]
        need = self.slot.server.devices
        store.enqueue(spec.run, spec.slot, self.slot.attempt, need, inventory)
        began = time.monotonic()
        next_probe = began + PROBE_EVERY_S
        while True:
            lease = store.try_lease(
                spec.run, spec.slot, self.slot.attempt, need, inventory, self.slot.generation
            )
            if lease is not None:
                return lease
            now = time.monotonic()
            head = store.position(spec.run, spec.slot) == 0
            if now - began > (HEAD_WAIT_S if head else OTHERS_WAIT_S):
                return None
            if head and now > next_probe:
                self.reap_dead()
                next_probe = now + PROBE_EVERY_S
            time.sleep(POLL_S)

    def reap_dead(self) -> None:
        """Take leases back from owners that are surely dead, once what they left is gone."""
        from airtune.operators.owner import owner_state

        reap(self.slot.store, owner_state, self._remove)

    def _remove(self, run: str, slot: int, attempt: int) -> None:
        Place.of(self.slot.settings.run_dir, run, slot, attempt).end_all()
