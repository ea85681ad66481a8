"""The first task of a slot: wait for devices, start the server, see it answer."""

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airtune.errors import AirtuneError
from airtune.operators.slot_task import SlotTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airtune.operators.slot import Slot
    from airtune.records import Trial


class DeployLocal(SlotTask):
    """Start the slot's server as a process of this host and leave it running.

    An ordinary task, not a setup: on any failure it removes its own server, and teardown runs
    whatever became of it.
    """

    ui_color = "#d7ebff"

    def execute(self, context: "Context") -> dict[str, Any]:
        """Deploy; defers while other slots hold the devices."""
        from airtune.operators.slot import FINAL_STATES

        slot = self.enter(context)
        trial = slot.begin()
        if trial.state in FINAL_STATES:
            self.log.info("exp%d is already %s; nothing to deploy", trial.trial_id, trial.state)
            return {"trial_id": trial.trial_id, "label": slot.spec.label, "url": None}
        return self._deploy(slot, trial, context)

    def resume(self, context: "Context", event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Back from a deferral: the slot stands at the head of the queue."""
        if event and "error" in event:
            raise AirtuneError(f"waiting for devices failed: {event['error']}")
        return self.execute(context)

    def _deploy(self, slot: "Slot", trial: "Trial", context: "Context") -> dict[str, Any]:
        from airtune.operators.leasing import LeaseWait
        from airtune.operators.serving import ensure

        lease = LeaseWait(slot).lease()
        if lease is None:
            self._defer(slot)
        began_waiting = context["ti"].start_date  # of the first entry, deferrals included
        waited = datetime.now(UTC) - began_waiting if began_waiting else timedelta(0)
        slot.update(seconds={"lease_wait": waited.total_seconds()})
        self.log.info("exp%d holds %s", trial.trial_id, ", ".join(lease.devices))
        began, started_at = time.monotonic(), datetime.now(UTC)
        with slot.failures_recorded(), slot.removed_on_failure():
            endpoint = ensure(slot, trial, lease)
        self.log.info("ready after %.1f s at %s", time.monotonic() - began, endpoint.base_url)
        return {
            "trial_id": trial.trial_id,
            "label": slot.spec.label,
            "url": endpoint.base_url,
            "started_at": started_at.isoformat(),
        }

    def _defer(self, slot: "Slot") -> NoReturn:
        from airtune.operators.waiting import LeaseTrigger

        head = slot.store.position(slot.spec.run, slot.spec.slot) == 0
        self.defer(
            trigger=LeaseTrigger(
                slot.spec.run, slot.spec.slot, slot.attempt, slot.server.devices, head
            ),
            method_name="resume",
        )
