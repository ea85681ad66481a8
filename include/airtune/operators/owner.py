"""Is the owner of a lease still alive? Asked of Airflow from inside a task."""

from airtune.study.reap import ACTIVE, RUN_ENDED, Liveness, slot_liveness

_SLOT_TASKS = ("slot.deploy", "slot.benchmark", "slot.teardown")


def owner_state(run: str, slot: int) -> Liveness:
    """State of ``slot`` in ``run`` (``<dag_id>/<run_id>``).

    As ``slot_liveness`` says; dead is also a slot whose run is gone.
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
    return slot_liveness(state, [one for states in known.values() for one in states.values()])


def run_state(run: str) -> Liveness:
    """State of a whole run: dead once it has ended and none of its tasks is active any more."""
    from airflow.sdk.exceptions import AirflowRuntimeError
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    dag_id, _, run_id = run.partition("/")
    try:
        state = RuntimeTaskInstance.get_dagrun_state(dag_id, run_id)
        active = RuntimeTaskInstance.get_ti_count(
            dag_id=dag_id, run_ids=[run_id], states=sorted(ACTIVE)
        )
    except AirflowRuntimeError as error:
        return "dead" if "NOT_FOUND" in str(error).upper() else "unknown"
    return "dead" if state in RUN_ENDED and not active else "alive"
