"""The first task of a slot: wait for devices, start the server, see it answer."""

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airtune.errors import AirtuneError
from airtune.operators.slot_task import SlotTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airtune.launchers.launcher import StillStarting
    from airtune.operators.slot import Slot
    from airtune.records import Endpoint, Lease, Trial

PATIENCE_S = 30.0
"""How long a starting server is waited for in the worker: a deferral costs 2 to 3 seconds."""


class Deploy(SlotTask):
    """Start the slot's server and leave it running.

    An ordinary task, not a setup: on any failure it removes its own server, and teardown runs
    whatever became of it.
    """

    ui_color = "#d7ebff"

    def execute(self, context: "Context") -> dict[str, Any]:
        """Deploy; defers while other slots hold the devices, and while a server starts slowly."""
        return self._run(context)

    def resume(self, context: "Context", event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Back from a deferral: the slot stands at the head of the queue."""
        if event and "error" in event:
            raise AirtuneError(f"waiting for devices failed: {event['error']}")
        return self._run(context)

    def resume_started(
        self, context: "Context", event: dict[str, Any] | None, endpoint: dict[str, Any], at: float
    ) -> dict[str, Any]:
        """Back from a deferral: the server is ready, has failed, or its time is over.

        Args:
            endpoint: the server that was left starting.
            at: epoch seconds when it was left.
        """
        from airtune.records import Endpoint

        if event and "error" in event:
            # Not the end: whatever hindered the trigger, the worker looks for itself.
            self.log.warning("waiting in the triggerer failed: %s", event["error"])
        return self._run(context, Endpoint.model_validate(endpoint), at)

    def _run(
        self, context: "Context", expected: "Endpoint | None" = None, left_at: float | None = None
    ) -> dict[str, Any]:
        from airtune.operators.serving import charge_start
        from airtune.operators.slot import FINAL_STATES

        slot = self.enter(context)
        trial = slot.begin()
        if trial.state in FINAL_STATES:
            self.log.info("exp%d is already %s; nothing to deploy", trial.trial_id, trial.state)
            return {"trial_id": trial.trial_id, "label": slot.spec.label, "url": None}
        if expected is not None and left_at is not None:
            with slot.failures_recorded():
                charge_start(slot, expected, since=left_at)
        lease = self._lease(slot, trial, context)
        return self._deploy(slot, trial, lease, expected)

    def _lease(self, slot: "Slot", trial: "Trial", context: "Context") -> "Lease":
        from airtune.operators.leasing import LeaseWait
        from airtune.operators.serving import order_of

        with slot.failures_recorded():
            slot.launcher.prepare(order_of(slot, trial))  # what takes long and needs no device
        lease = LeaseWait(slot).lease()
        if lease is None:
            self._defer_for_devices(slot)
        if not trial.seconds.lease_wait:
            began = context["ti"].start_date  # of the first entry, deferrals included
            waited = datetime.now(UTC) - began if began else timedelta(0)
            slot.update(seconds={"lease_wait": waited.total_seconds()})
        self.log.info("exp%d holds %s", trial.trial_id, ", ".join(lease.devices))
        return lease

    def _deploy(
        self, slot: "Slot", trial: "Trial", lease: "Lease", expected: "Endpoint | None"
    ) -> dict[str, Any]:
        from airtune.launchers.launcher import StillStarting
        from airtune.operators.serving import ensure

        began, started_at = time.monotonic(), datetime.now(UTC)
        with slot.failures_recorded(), slot.removed_on_failure():
            try:
                endpoint = ensure(slot, trial, lease, patience_s=PATIENCE_S, expected=expected)
            except StillStarting as still:
                waiting = still
            else:
                self.log.info(
                    "ready after %.1f s at %s", time.monotonic() - began, endpoint.base_url
                )
                return {
                    "trial_id": trial.trial_id,
                    "label": slot.spec.label,
                    "url": endpoint.base_url,
                    "started_at": started_at.isoformat(),
                }
        self._defer_for_server(slot, waiting)

    def _defer_for_devices(self, slot: "Slot") -> NoReturn:
        from airtune.operators.waiting import LeaseTrigger

        head = slot.store.position(slot.spec.run, slot.spec.slot) == 0
        self.defer(
            trigger=LeaseTrigger(
                slot.spec.run,
                slot.spec.slot,
                slot.attempt,
                slot.server.devices,
                head,
                [device.name for device in slot.pool],
            ),
            method_name="resume",
        )

    def _defer_for_server(self, slot: "Slot", still: "StillStarting") -> NoReturn:
        from airtune.operators.serving import readiness_of
        from airtune.operators.starting import StartTrigger

        left_s = still.deadline - time.time()
        self.log.info("the server is still starting; deferred for up to %.0f s", left_s)
        endpoint = still.endpoint.model_dump(mode="json")
        self.defer(
            trigger=StartTrigger(
                slot.run.launcher,
                endpoint,
                readiness_of(slot).short().model_dump(mode="json"),
                still.deadline,
            ),
            method_name="resume_started",
            kwargs={"endpoint": endpoint, "at": time.time()},
        )
