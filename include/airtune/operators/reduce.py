"""The end of a run: join plan and store, name the winner, write the results."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airtune.errors import AirtuneError, NoFeasibleTrialError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from airtune.operators.announcement import Announcement
    from airtune.settings import Settings
    from airtune.study.store import Store


class Reduce(BaseOperator):
    """Decide from what the *store* holds for the *plan*; XCom positions shift with failures.

    Runs whatever became of the slots, so it fails itself when there is nothing to report: plan
    failed, no feasible trial, or a slot that could not be torn down.
    """

    ui_color = "#ffd6e7"

    def execute(self, context: "Context") -> dict[str, Any]:
        """Write the results, then return the verdict as the run's result.

        Raises:
            NoFeasibleTrialError: names the nearest miss.
            AirflowFailException: plan failed, or a teardown did; results are written all the same.
            AirflowSkipException: plan was skipped, so there is nothing to conclude.
        """
        from airtune.operators.announcement import announcement
        from airtune.operators.outcome import conclude
        from airtune.settings import Settings
        from airtune.study.store import Store

        settings = Settings.load()
        ti = context["ti"]
        run = f"{ti.dag_id}/{ti.run_id}"
        with Store.open(settings.store_url) as store:
            if store.find_run(run) is None:
                if plan_was_skipped(ti):
                    raise AirflowSkipException("plan was skipped: see its log.")
                raise AirflowFailException(
                    "plan failed, so there is no verdict: see the log of `plan`."
                )
            outcome = conclude(store, settings, run)
            self._announce(context, announcement(store, settings, run))
            self._release_shared(store, settings, run)
        self.log.info("\n%s", outcome.summary)
        self._refuse_leaks(context)
        verdict = outcome.result["verdict"]
        if verdict["best"] is None:
            raise NoFeasibleTrialError(verdict["statement"])
        return outcome.result

    def _announce(self, context: "Context", about: "Announcement") -> None:
        """Say in the events of the outlets what was found; sent only if this task succeeds."""
        for asset in self.outlets:
            context["outlet_events"][asset].extra = about.event()

    def _release_shared(self, store: "Store", settings: "Settings", run: str) -> None:
        """Give up models and runtimes made for the run; where that fails the reaper tries again."""
        from airtune.operators.cluster_connection import use_connections
        from airtune.study.shared_objects import release_run

        use_connections()
        try:
            if count := release_run(store, settings, run):
                self.log.info("deleted %d models and runtimes that were made for this run", count)
        except AirtuneError as error:
            self.log.warning("models and runtimes made for this run are left: %s", error)

    def _refuse_leaks(self, context: "Context") -> None:
        ti = context["ti"]
        states = ti.get_task_states(
            dag_id=ti.dag_id, task_ids=["slot.teardown"], run_ids=[ti.run_id]
        )
        failed = [
            name for known in states.values() for name, state in known.items() if state == "failed"
        ]
        if failed:
            raise AirflowFailException(
                f"{len(failed)} teardown(s) failed, so a server may still run and its devices "
                "stay taken: see their logs, then clear them or run `airtune reap`."
            )


def plan_was_skipped(ti: "RuntimeTaskInstanceProtocol") -> bool:
    """Whether the run of ``ti`` does nothing: its plan found that it should not."""
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=["plan"], run_ids=[ti.run_id])
    return any(state == "skipped" for known in states.values() for state in known.values())
