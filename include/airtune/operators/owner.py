"""Is the owner of a lease still alive? Asked of Airflow from inside a task."""

from typing import Literal

_FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
_ACTIVE = frozenset({"running", "queued", "scheduled", "restarting", "deferred"})
_ENDED = frozenset({"success", "failed"})
_SLOT_TASKS = ("slot.deploy", "slot.benchmark", "slot.teardown")


def owner_state(run: str, slot: int) -> Literal["alive", "dead", "unknown"]:
    """State of ``slot`` in ``run`` (``<dag_id>/<run_id>``).

    A slot is dead when its run is gone, or when the run has ended or the slot's tasks are all
    finished. A finished *run* alone is no proof: teardowns go on after a run is marked failed.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    dag_id, _, run_id = run.partition("/")
    try:
        state = RuntimeTaskInstance.get_dagrun_state(dag_id, run_id)
        known = RuntimeTaskInstance.get_task_states(
            dag_id=dag_id, map_index=slot, task_ids=list(_SLOT_TASKS), run_ids=[run_id]
        )
    except AirflowRuntimeError as error:
        return "dead" if "NOT_FOUND" in str(error).upper() else "unknown"
    states = list(_values(known))
    if state in _ENDED:
        return "alive" if _ACTIVE.intersection(states) else "dead"
    return "dead" if states and _FINISHED.issuperset(states) else "alive"


def run_state(run: str) -> Literal["alive", "dead", "unknown"]:
    """State of a whole run: dead once it has ended and none of its tasks is active any more."""
    from airflow.sdk.exceptions import AirflowRuntimeError
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    dag_id, _, run_id = run.partition("/")
    try:
        state = RuntimeTaskInstance.get_dagrun_state(dag_id, run_id)
        active = RuntimeTaskInstance.get_ti_count(
            dag_id=dag_id, run_ids=[run_id], states=sorted(_ACTIVE)
        )
    except AirflowRuntimeError as error:
        return "dead" if "NOT_FOUND" in str(error).upper() else "unknown"
    return "dead" if state in _ENDED and not active else "alive"


def _values(known: dict[str, dict[str, str]]) -> list[str]:
    return [state for states in known.values() for state in states.values()]
