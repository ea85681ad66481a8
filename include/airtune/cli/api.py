"""The part of Airflow's REST API that airtune needs."""

import time
from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import Any
from urllib.parse import quote

import httpx

from airtune.cli.login import Login
from airtune.cli.task_state import TaskState
from airtune.errors import ApiError
from airtune.stack.health import open_client

_PAGE = 100
_PATIENCE_S = 30.0


class NotFound(ApiError):
    """Airflow has no such DAG, run, task or XCom."""


class Api:
    """Airflow at one address; reads are repeated for a while when it is not reachable."""

    def __init__(self, login: Login, *, patience_s: float = _PATIENCE_S) -> None:
        """Log in at once, so that a wrong password is known before anything is done.

        Args:
            patience_s: how long a read is repeated, for example while Airflow restarts.

        Raises:
            ApiError: not reachable, or the login is refused.
        """
        self.login = login
        self._patience_s = patience_s
        self._client = open_client(login.url, timeout_s=20.0)
        self._client.headers["Authorization"] = f"Bearer {login.new_token()}"

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Start a run of ``dag_id``; returns its run id.

        Raises:
            ApiError: refused; the text is Airflow's.
        """
        body = {"logical_date": None, "conf": dict(conf)}
        try:
            run_id: str = self._call("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"]
        except NotFound:
            raise NotFound(
                f"Airflow at {self.login.url} has no DAG {dag_id!r}: its DAG folder lacks it, or "
                "the file has an import error (see the UI), or it was not parsed yet."
            ) from None
        return run_id

    def run_state(self, dag_id: str, run_id: str) -> str:
        """``queued``, ``running``, ``success`` or ``failed``."""
        return str(self._call("GET", _run(dag_id, run_id))["state"])

    def active_runs(self, dag_id: str) -> list[str]:
        """Ids of the runs of ``dag_id`` that have not ended."""
        parameters = {"state": ["queued", "running"], "limit": _PAGE}
        found = self._call("GET", f"/dags/{dag_id}/dagRuns", params=parameters)
        return [run["dag_run_id"] for run in found["dag_runs"]]

    def mark_failed(self, dag_id: str, run_id: str) -> None:
        """End a run: what runs is stopped, its teardowns still run."""
        self._call("PATCH", _run(dag_id, run_id), json={"state": "failed"})

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """All task instances of a run."""
        found: list[TaskState] = []
        while True:
            parameters = {"limit": _PAGE, "offset": len(found), "order_by": "id"}
            page = self._call("GET", f"{_run(dag_id, run_id)}/taskInstances", params=parameters)
            found += [TaskState.read(one) for one in page["task_instances"]]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """What a task returned; None if it returned nothing (yet)."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        parameters = {"map_index": map_index, "deserialize": False, "stringify": False}
        try:
            return self._call("GET", path, params=parameters)["value"]
        except NotFound:
            return None

    def error_of(self, dag_id: str, run_id: str, task: TaskState) -> str | None:
        """The message of the exception that ended a task, None if its log has none."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task.task_id}/logs/{task.try_number}"
        try:
            log = self._call("GET", path, params={"map_index": task.map_index})
        except ApiError:
            return None
        return _last_error(log.get("content") or [])

    def run_url(self, dag_id: str, run_id: str) -> str:
        """Where the UI shows a run."""
        return f"{self.login.url}/dags/{dag_id}/runs/{quote(run_id, safe='')}"

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._send(method, path, arguments)
        # An expired token is answered with 401, one signed by an earlier Airflow with 403.
        refused = answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
        if refused and self.login.renewable:
            self._client.headers["Authorization"] = f"Bearer {self.login.new_token()}"
            answer = self._send(method, path, arguments)
        if answer.is_error:
            raise self._refusal(answer)
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, arguments: Mapping[str, Any]) -> httpx.Response:
        deadline = time.monotonic() + (self._patience_s if method == "GET" else 0.0)
        for pause in chain((0.1, 0.2, 0.5), repeat(1.0)):
            try:
                answer = self._client.request(method, f"/api/v2{path}", **arguments)
            except httpx.TransportError as error:
                if time.monotonic() >= deadline:
                    raise ApiError(
                        f"Airflow at {self.login.url} is not reachable ({type(error).__name__})."
                    ) from None
            else:
                if answer.status_code < 500 or time.monotonic() >= deadline:
                    return answer
            time.sleep(pause)
        raise AssertionError("unreachable: the pauses do not end")

    def _refusal(self, answer: httpx.Response) -> ApiError:
        detail = _detail(answer)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return NotFound(detail)
        if answer.status_code == httpx.codes.UNAUTHORIZED or "Invalid JWT" in detail:
            return ApiError(
                f"Airflow at {self.login.url} does not accept the token: get another one and set "
                "AIRTUNE_API_TOKEN, or set AIRTUNE_API_USER and AIRTUNE_API_PASSWORD."
            )
        if answer.status_code == httpx.codes.FORBIDDEN:
            return ApiError(f"The login may not do that at {self.login.url}: {detail}")
        return ApiError(f"Airflow at {self.login.url} answers {answer.status_code}: {detail}")


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]
    if isinstance(detail, list):  # one entry for each field that is wrong
        return "; ".join(
            f"{'.'.join(map(str, one.get('loc', ())))}: {one.get('msg', one)}" for one in detail
        )
    return str(detail)


def _last_error(lines: Sequence[Any]) -> str | None:
    for line in reversed(lines):
        detail = line.get("error_detail") if isinstance(line, dict) else None
        if detail:
            return f"{detail[0].get('exc_value', '')}".strip() or str(detail[0].get("exc_type"))
    return None
