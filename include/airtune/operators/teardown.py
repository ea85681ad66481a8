"""The last task of a slot: nothing of it is left, whatever became of the others."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airtune.operators.slot_task import SlotTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airtune.operators.slot import Slot


class Teardown(SlotTask):
    """End the slot's server and client, see that they are gone, then give the devices back.

    Idempotent. It needs nothing from deploy: what runs is found by records and labels.
    """

    ui_color = "#eeeeee"

    def execute(self, context: "Context") -> dict[str, Any]:
        """Remove, check, release; then mirror the trial to Optuna, off the critical path.

        Returns:
            ``{"gone_at": …}``: when all of the slot was seen to be gone (UTC).
        """
        slot = self.enter(context)
        began = time.monotonic()
        ended = slot.remove()
        gone_at = datetime.now(UTC).isoformat()
        if ended:
            self.log.info("ended what still ran: %d", ended)
        slot.release()
        slot.store.add_seconds(slot.spec.run, slot.spec.slot, "teardown", time.monotonic() - began)
        self._close_open_trial(slot)
        _mirror(slot)
        return {"gone_at": gone_at}

    def _close_open_trial(self, slot: "Slot") -> None:
        """A trial whose task was killed or marked failed has no result: say so."""
        from airtune.records import Failure, FailureClass, TrialState

        trial = slot.store.trial(slot.spec.run, slot.spec.slot)
        if trial is None or trial.state is not TrialState.RUNNING:
            return
        failure = Failure(
            failure_class=FailureClass.CANCELLED,
            reason="The slot was torn down before its trial had a result: its task was stopped, "
            "marked failed or killed. Clear the slot to run it again.",
        )
        slot.update(state=failure.failure_class.state, failure=failure)


def _mirror(slot: "Slot") -> None:
    from airtune.study.mirror import sync_optuna

    # The next teardown, or reduce, brings in what a busy mirror leaves out now.
    sync_optuna(slot.store, slot.spec.study, wait=False)
