"""What tests and benchmarks do to a running Airflow: trigger, watch, mark, clear."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from airtune.stack.handle import StackHandle
from airtune.stack.health import fetch_token, open_client
from airtune.study.reap import ACTIVE, RUN_ENDED

_LOCKED = "Database error"
"""What Airflow answers (500, rolled back) when its SQLite is locked; a person tries again."""
_LOCKED_TRIES = 5


class AirflowApi:
    """Airflow's REST API as a test uses it; every call fails loudly."""

    def __init__(self, stack: StackHandle, dag_id: str = "autotune_local") -> None:
        self.dag_id = dag_id
        self._stack = stack
        self._client = open_client(stack.url, timeout_s=30.0)
        self._log_in()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def url(self) -> str:
        """Address of UI and API."""
        return self._stack.url

    @property
    def authorization(self) -> str:
        """Value of the ``Authorization`` header."""
        return str(self._client.headers["Authorization"])

    def trigger(self, conf: dict[str, Any], run_id: str) -> str:
        """Start a run; returns its id."""
        body = {"logical_date": None, "dag_run_id": run_id, "conf": conf}
        self._call("POST", f"/dags/{self.dag_id}/dagRuns", json=body)
        return run_id

    def of(self, dag_id: str) -> "AirflowApi":
        """The same Airflow, for another DAG."""
        return AirflowApi(self._stack, dag_id)

    def dag(self) -> dict[str, Any] | None:
        """The DAG with its documentation and tags, None while it is not parsed."""
        found = self._call("GET", "/dags", params={"dag_id_pattern": self.dag_id, "limit": 100})
        if self.dag_id not in {one["dag_id"] for one in found["dags"]}:
            return None
        return dict(self._call("GET", f"/dags/{self.dag_id}/details"))

    def pause(self, paused: bool = True) -> None:
        """Start no more runs of the DAG, or do so again."""
        self._call("PATCH", f"/dags/{self.dag_id}", json={"is_paused": paused})

    def runs(self) -> list[dict[str, Any]]:
        """The DAG's runs, oldest first, at most 100."""
        params = {"limit": 100, "order_by": "run_after"}
        return list(self._call("GET", f"/dags/{self.dag_id}/dagRuns", params=params)["dag_runs"])

    def asset_events(self) -> list[dict[str, Any]]:
        """The events of assets that the DAG has sent, oldest first, at most 100."""
        params = {"source_dag_id": self.dag_id, "limit": 100, "order_by": "timestamp"}
        return list(self._call("GET", "/assets/events", params=params)["asset_events"])

    def connect(self, name: str, kind: str, host: str) -> None:
        """Make a connection, as in *Admin, Connections*."""
        body = {"connection_id": name, "conn_type": kind, "host": host}
        self._call("POST", "/connections", json=body)

    def run_state(self, run_id: str) -> str:
        """``queued``, ``running``, ``success`` or ``failed``."""
        return str(self._call("GET", f"/dags/{self.dag_id}/dagRuns/{run_id}")["state"])

    def wait(self, run_id: str, timeout_s: float = 300.0) -> str:
        """The run's final state, once all its tasks have ended too."""
        self.until(lambda: self._over(run_id), timeout_s, f"{run_id} to end")
        return self.run_state(run_id)

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run."""
        found: list[dict[str, Any]] = []
        while True:
            path = f"/dags/{self.dag_id}/dagRuns/{run_id}/taskInstances"
            page = self._call("GET", path, params={"limit": 100, "offset": len(found)})
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def task(self, run_id: str, task_id: str, map_index: int = -1) -> dict[str, Any] | None:
        """One task instance, None while it does not exist."""
        for one in self.tasks(run_id):
            if one["task_id"] == task_id and one["map_index"] == map_index:
                return one
        return None

    def result(self, run_id: str, task_id: str = "reduce", map_index: int = -1) -> Any:
        """What a task returned."""
        path = f"/dags/{self.dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
        params = {"map_index": map_index, "deserialize": "false", "stringify": "false"}
        return self._call("GET", f"{path}/return_value", params=params)["value"]

    def log(self, run_id: str, task_id: str, map_index: int = -1, try_number: int = 1) -> str:
        """A task's log."""
        return str(self.log_lines(run_id, task_id, map_index, try_number))

    def log_lines(
        self, run_id: str, task_id: str, map_index: int = -1, try_number: int = 1
    ) -> list[dict[str, Any]]:
        """A task's log as Airflow's structured lines: ``event``, mostly ``timestamp`` and more."""
        path = f"/dags/{self.dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self._call("GET", path, params={"map_index": map_index})["content"]
        return list(content)

    def mark_task(self, run_id: str, task_id: str, map_index: int, state: str) -> None:
        """What a person does with *Mark as …* on a task."""
        path = f"/dags/{self.dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/{map_index}"
        self._call("PATCH", path, json={"new_state": state})

    def mark_run(self, run_id: str, state: str) -> None:
        """What a person does with *Mark as …* on a run."""
        self._call("PATCH", f"/dags/{self.dag_id}/dagRuns/{run_id}", json={"state": state})

    def clear_run(self, run_id: str) -> None:
        """What a person does with *Clear* on a run."""
        body = {"dry_run": False, "only_failed": False}
        self._call("POST", f"/dags/{self.dag_id}/dagRuns/{run_id}/clear", json=body)

    def until(self, true: Callable[[], Any], timeout_s: float, what: str) -> Any:
        """Wait until ``true()`` holds and return it.

        Raises:
            TimeoutError: it does not within ``timeout_s``.
        """
        deadline = time.monotonic() + timeout_s
        while not (value := true()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
            time.sleep(0.3)
        return value

    def _over(self, run_id: str) -> bool:
        if self.run_state(run_id) not in RUN_ENDED:
            return False
        return not any(one["state"] in ACTIVE for one in self.tasks(run_id))

    def _log_in(self) -> None:
        token = fetch_token(self._stack.url, self._stack.user, self._stack.password)
        self._client.headers["Authorization"] = f"Bearer {token}"

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._client.request(method, f"/api/v2{path}", **arguments)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._log_in()
            answer = self._client.request(method, f"/api/v2{path}", **arguments)
        for _ in range(_LOCKED_TRIES):
            if (
                answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR
                or _LOCKED not in answer.text
            ):
                break
            time.sleep(1.0)
            answer = self._client.request(method, f"/api/v2{path}", **arguments)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None
