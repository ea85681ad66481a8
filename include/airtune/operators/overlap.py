"""A night that had to wait for the run before it is skipped: two at once would share devices."""

from datetime import datetime
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowSkipException

from airtune.study.store import Store

if TYPE_CHECKING:
    from airflow.sdk import Context


def skip_overlap(context: "Context", store: Store) -> None:
    """Skip a scheduled run whose time came before the DAG's previous run had ended.

    A run by hand is never skipped, nor is one whose plan is run again (retried or cleared).

    Raises:
        AirflowSkipException: says when the other run ended.
    """
    dag_run, ti = context["dag_run"], context["ti"]
    if dag_run.run_type != "scheduled" or ti.try_number > 1:
        return
    # By hand triggered runs have no logical date, so that Airflow does not know them as previous.
    before = ti.get_previous_dagrun()
    ends = [before.end_date if before else None, store.last_end(ti.dag_id)]
    ended = overlap(dag_run.run_after, ends)
    if ended is not None:
        raise AirflowSkipException(
            f"This run was due at {dag_run.run_after:%Y-%m-%d %H:%M:%S %Z}, while the run before "
            f"it went on until {ended:%Y-%m-%d %H:%M:%S %Z}; it is skipped, the next one is not."
        )


def overlap(due: datetime, ends: list[datetime | None]) -> datetime | None:
    """The latest of ``ends`` if it lies after ``due``."""
    later = [end for end in ends if end is not None and end > due]
    return max(later, default=None)
