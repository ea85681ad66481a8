"""Is the owner of a lease still alive? Asked of Airflow over REST."""

from airtune.cli.api import Api, NotFound
from airtune.errors import ApiError
from airtune.study.reap import Liveness, slot_liveness


class RestOwnerProbe:
    """An ``OwnerProbe`` that asks the REST API."""

    def __init__(self, api: Api | None) -> None:
        """``api`` is None when no Airflow can be asked: then every owner is unknown."""
        self._api = api

    def __call__(self, run: str, slot: int) -> Liveness:
        """State of ``slot`` in ``run`` (``<dag_id>/<run_id>``); ``unknown`` when in doubt.

        As ``slot_liveness`` says; dead is also a slot whose run was deleted.
        """
        dag_id, _, run_id = run.partition("/")
        if self._api is None:
            return "unknown"
        try:
            run_state = self._api.run_state(dag_id, run_id)
            tasks = self._api.tasks(dag_id, run_id)
        except NotFound:
            return self._deleted(dag_id)
        except ApiError:
            return "unknown"
        states = [task.state for task in tasks if task.map_index == slot]
        return slot_liveness(run_state, states)

    def _deleted(self, dag_id: str) -> Liveness:
        """A DAG without that run has lost it; an Airflow without the DAG may be another one."""
        try:
            if self._api is not None:
                self._api.active_runs(dag_id)
        except ApiError:
            return "unknown"
        return "dead"
