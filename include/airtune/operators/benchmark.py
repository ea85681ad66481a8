"""The second task of a slot: measure the server at every load point and score it."""

import time
from typing import TYPE_CHECKING, Any

from airtune.operators.slot_task import SlotTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airtune.benchmark.runner import Runner
    from airtune.operators.slot import Slot
    from airtune.records import Endpoint, Lease, Trial


class Benchmark(SlotTask):
    """Measure the slot's server with genai-bench, one call a load point.

    It begins by making sure of the server, so a retry works after a crash of server or host.
    """

    ui_color = "#d9f2d9"

    def execute(self, context: "Context") -> dict[str, Any]:
        """Measure and record; what is already recorded is not measured twice."""
        from airtune.operators.slot import FINAL_STATES

        slot = self.enter(context)
        trial = slot.begin()
        if trial.state not in FINAL_STATES:
            trial = self._measured(slot, trial, self._lease(slot))
        return summary(slot, trial)

    def _lease(self, slot: "Slot") -> "Lease":
        from airtune.operators.leasing import LeaseWait

        # Normally the slot still holds what deploy took. After a lone clear of this task the
        # devices were given back and have to be waited for again.
        while (lease := LeaseWait(slot).lease()) is None:
            self.log.info("waiting for devices")
        return lease

    def _measured(self, slot: "Slot", trial: "Trial", lease: "Lease") -> "Trial":
        from airtune.operators.measuring import Measuring
        from airtune.operators.serving import ensure

        with slot.failures_recorded(), slot.removed_on_failure():
            endpoint = ensure(slot, trial, lease)
            began = time.monotonic()
            try:
                runner = self.runner(slot, endpoint, lease)
                measuring = Measuring(slot, slot.begin(), lease, endpoint, runner, self.log.info)
                return measuring.run()
            finally:
                slot.store.add_seconds(
                    slot.spec.run, slot.spec.slot, "benchmark", time.monotonic() - began
                )

    def runner(self, slot: "Slot", endpoint: "Endpoint", lease: "Lease") -> "Runner":
        """How genai-bench is run: as a process of this host, on the cores that are left."""
        from airtune.benchmark.process import ProcessRunner

        held = tuple(device for device in slot.pool if device.name in lease.devices)
        return ProcessRunner(slot.place, slot.launcher.client_cpus(held), slot.settings)


def summary(slot: "Slot", trial: "Trial") -> dict[str, Any]:
    """The small JSON that the API and the live view show for one trial."""
    from airtune.scoring.objectives import objective_of

    score = trial.score
    return {
        "trial_id": trial.trial_id,
        "label": slot.spec.label,
        "state": str(trial.state),
        "score": score.score if score else None,
        "raw": score.raw if score else None,
        "unit": objective_of(slot.task).unit,
    }
