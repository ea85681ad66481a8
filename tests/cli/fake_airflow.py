"""A server that answers like Airflow's REST API for one DAG, from a script of its states."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TaskKey = tuple[str, int]
TERMINAL = {"success", "failed"}


@dataclass
class FakeAirflow:
    """What the server knows and what was asked of it.

    Attributes:
        moments: task states by ``(task_id, map_index)``, one mapping a look; the last one stays.
        end: the run's state once the last moment is reached.
        xcoms: what tasks returned; an entry shows once its task has succeeded.
        errors: message of the exception that ended a task.
        runs: run ids that exist beforehand, with their states.
        confs: conf of every run that was triggered.
        outages: so many requests are answered with 503 first.
    """

    dag_id: str = "autotune_local"
    user: str = "admin"
    password: str = "right"
    moments: list[dict[TaskKey, str | None]] = field(default_factory=lambda: [{}])
    end: str = "success"
    xcoms: dict[TaskKey, Any] = field(default_factory=dict)
    errors: dict[TaskKey, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    confs: list[dict[str, Any]] = field(default_factory=list)
    outages: int = 0
    tokens: int = 0
    refuse_token: str = ""
    url: str = ""
    _looks: int = 0

    def look(self) -> dict[TaskKey, str | None]:
        """The next moment of the script."""
        moment = self.moments[min(self._looks, len(self.moments) - 1)]
        self._looks += 1
        return moment

    @property
    def now(self) -> dict[TaskKey, str | None]:
        return self.moments[min(max(self._looks - 1, 0), len(self.moments) - 1)]

    @property
    def run_state(self) -> str:
        return self.end if self._looks >= len(self.moments) else "running"


@contextmanager
def serving(airflow: FakeAirflow) -> Iterator[FakeAirflow]:
    """Serve ``airflow`` on a free loopback port."""
    handler = type("Handler", (_Handler,), {"airflow": airflow})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        airflow.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield airflow
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    airflow: FakeAirflow

    def do_GET(self) -> None:
        if self._admitted():
            self._answer(*self._read())

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/auth/token":
            self._answer(*self._token(body))
        elif self._admitted():
            self._answer(*self._trigger(body))

    def do_PATCH(self) -> None:
        body = self._body()
        if self._admitted():
            self.airflow.runs[self._parts()[5]] = body["state"]
            self._answer(200, {})

    def log_message(self, *_: object) -> None:
        pass

    def _token(self, login: dict[str, str]) -> tuple[int, Any]:
        if login != {"username": self.airflow.user, "password": self.airflow.password}:
            return 401, {"detail": "Invalid credentials"}
        self.airflow.tokens += 1
        return 201, {"access_token": f"token{self.airflow.tokens}"}

    def _trigger(self, body: dict[str, Any]) -> tuple[int, Any]:
        if self._parts()[3] != self.airflow.dag_id:
            return 404, {"detail": f"Dag with dag_id: '{self._parts()[3]}' not found"}
        if "logical_date" not in body:
            return 422, {"detail": [{"loc": ["body", "logical_date"], "msg": "Field required"}]}
        self.airflow.confs.append(body["conf"])
        run_id = f"manual__2026-01-02T03:04:0{len(self.airflow.confs)}+00:00"
        self.airflow.runs[run_id] = ""
        return 200, {"dag_run_id": run_id, "state": "queued"}

    def _read(self) -> tuple[int, Any]:
        parts = self._parts()
        if parts[3] != self.airflow.dag_id:
            return 404, {"detail": f"Dag with dag_id: '{parts[3]}' not found"}
        if len(parts) == 5:
            return 200, {"dag_runs": self._listed()}
        if parts[5] not in self.airflow.runs:
            return 404, {"detail": "The DagRun was not found"}
        if len(parts) == 6:
            return 200, {"state": self.airflow.runs[parts[5]] or self.airflow.run_state}
        if len(parts) == 7:
            return 200, self._page()
        return self._xcom(parts[7]) if parts[8] == "xcomEntries" else self._log(parts[7])

    def _listed(self) -> list[dict[str, str]]:
        wanted = self._query().get("state", [])
        states = {run: state or self.airflow.run_state for run, state in self.airflow.runs.items()}
        return [{"dag_run_id": run} for run, state in states.items() if state in wanted]

    def _page(self) -> dict[str, Any]:
        offset, limit = int(self._query()["offset"][0]), int(self._query()["limit"][0])
        states = self.airflow.look() if offset == 0 else self.airflow.now
        tasks = [
            {
                "task_id": task_id,
                "map_index": index,
                "state": state,
                "try_number": 1,
                "start_date": "2026-01-02T03:04:05Z" if state else None,
                "end_date": "2026-01-02T03:04:25Z" if state in TERMINAL else None,
            }
            for (task_id, index), state in states.items()
        ]
        return {"task_instances": tasks[offset : offset + limit], "total_entries": len(tasks)}

    def _xcom(self, task_id: str) -> tuple[int, Any]:
        key = (task_id, int(self._query()["map_index"][0]))
        if key in self.airflow.xcoms and self.airflow.now.get(key) == "success":
            return 200, {"value": self.airflow.xcoms[key]}
        return 404, {"detail": "XCom entry with key: `return_value` not found"}

    def _log(self, task_id: str) -> tuple[int, Any]:
        key = (task_id, int(self._query()["map_index"][0]))
        detail = [{"exc_type": "TaskError", "exc_value": self.airflow.errors.get(key, "")}]
        lines = [
            {"event": "::group::Log message source details"},
            {"event": "Task failed with exception", "level": "error", "error_detail": detail},
            {"event": "::endgroup::", "level": "info"},
        ]
        return 200, {"content": lines, "continuation_token": None}

    def _admitted(self) -> bool:
        if self.airflow.outages:
            self.airflow.outages -= 1
            self._answer(503, {"detail": "starting"})
            return False
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token == "given" or token.startswith("token"):
            if token != self.airflow.refuse_token:
                return True
            self._answer(401, {"detail": "Token has expired"})
            return False
        self._answer(403, {"detail": "Invalid JWT token"})
        return False

    def _parts(self) -> list[str]:
        return [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
