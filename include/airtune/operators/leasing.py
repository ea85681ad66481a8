"""A slot waits for its devices: the first of the queue in their workers, the others deferred."""

import time
from dataclasses import dataclass
from functools import partial

from airtune.operators.slot import Slot
from airtune.records import Lease
from airtune.study.reap import reap

HEAD_POLL_S = 0.1
OTHERS_POLL_S = 0.25
LOOK_EVERY_S = 0.5
"""How often a waiting slot asks for its place in the queue; asking keeps the place."""
WARM_WAIT_S = 300.0
"""Only the first few slots of the whole store wait this long in a worker, so that a device that
becomes free is taken at once: coming back from a deferral costs 2 to 3 seconds."""
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
        inventory = [device.name for device in self.slot.pool]
        need = self.slot.server.devices
        store.enqueue(spec.run, spec.slot, self.slot.attempt, need, inventory)
        began = next_look = time.monotonic()
        next_probe, warm, place = began + PROBE_EVERY_S, _warm_places(len(inventory)), 0
        while True:
            lease = store.try_lease(
                spec.run, spec.slot, self.slot.attempt, need, inventory, self.slot.generation
            )
            if lease is not None:
                return lease
            now = time.monotonic()
            if now >= next_look:
                place, next_look = store.position(spec.run, spec.slot), now + LOOK_EVERY_S
            if now - began > (WARM_WAIT_S if place < warm else OTHERS_WAIT_S):
                return None
            if place == 0 and now > next_probe:
                self.reap_dead()
                next_probe = now + PROBE_EVERY_S
            time.sleep(OTHERS_POLL_S if place else HEAD_POLL_S)

    def reap_dead(self) -> None:
        """Take leases back from owners that are surely dead, once what they left is gone.

        Of this pool's devices only: another host's engine that does not answer would hold us up
        for longer than a place in the queue is kept.
        """
        from airtune.operators.owner import owner_state
        from airtune.study.removal import remove_slot

        store, pool = self.slot.store, [device.name for device in self.slot.pool]
        reap(store, owner_state, partial(remove_slot, store, self.slot.settings), pool=pool)


def warm_places(devices: int, parallelism: int) -> int:
    """How many slots of the queue may wait in workers: at most one for each device, at least one.

    Each trial in flight needs a worker for its next task, and one more is left to other tasks:
    if all workers waited for devices, none would be left to give them back.
    """
    return max(1, min(devices, parallelism - devices - 1))


def _warm_places(devices: int) -> int:
    from airflow.sdk.configuration import conf

    return warm_places(devices, conf.getint("core", "parallelism"))
