"""Asking an Airflow over REST whether it is healthy, and whether it knows a DAG yet."""

import time
from collections.abc import Callable
from datetime import datetime

import httpx

from airtune.errors import ApiError, StackError
from airtune.stack.components import COMPONENTS
from airtune.stack.handle import StackHandle


def open_client(url: str, timeout_s: float = 10.0) -> httpx.Client:
    """An HTTP client for ``url`` that no proxy setting of the environment diverts."""
    return httpx.Client(base_url=url, timeout=timeout_s, trust_env=False)


def fetch_token(url: str, user: str, password: str) -> str:
    """Log in at ``url`` and return a bearer token.

    Raises:
        ApiError: not reachable, or the login is refused; the text says what to check.
    """
    try:
        with open_client(url) as client:
            answer = client.post("/auth/token", json={"username": user, "password": password})
    except httpx.TransportError as error:
        raise ApiError(
            f"Airflow does not answer at {url} ({type(error).__name__}). "
            "Start it with 'make airflow', or give its address with --url."
        ) from None
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise ApiError(
            f"Airflow at {url} refuses the login of {user!r}. Check AIRTUNE_API_USER and "
            "AIRTUNE_API_PASSWORD, or set AIRTUNE_API_TOKEN."
        )
    if answer.is_error:
        raise ApiError(f"Airflow at {url} answers {answer.status_code} to the login of {user!r}.")
    token: str = answer.json()["access_token"]
    return token


def is_healthy(url: str, since: datetime) -> bool:
    """True once the API server and every component have reported after ``since`` (with zone).

    A heartbeat from before it is that of an earlier process on the same database.
    """
    try:
        with open_client(url, timeout_s=5.0) as client:
            answer = client.get("/api/v2/monitor/health")
        report = answer.json() if answer.is_success else {}
    except (httpx.TransportError, ValueError):
        return False
    return all(
        _reported(report.get(component.health) or {}, component.health, since)
        for component in COMPONENTS
        if component.health
    )


def warm_up(url: str) -> None:
    """Make the API server build the part that tasks talk to: 4 s that the first task would wait.

    Raises:
        StackError: it cannot be built.
    """
    try:
        with open_client(url, timeout_s=60.0) as client:
            client.get("/execution/health").raise_for_status()
    except httpx.HTTPError as error:
        raise StackError(f"Airflow's API for tasks does not answer at {url}: {error}") from None


def _reported(status: dict[str, str | None], name: str, since: datetime) -> bool:
    beat = status.get(f"latest_{name}_heartbeat")
    return status.get("status") == "healthy" and bool(beat) and _moment(str(beat)) >= since


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def wait_for_dag(
    stack: StackHandle,
    dag_id: str,
    timeout_s: float = 60.0,
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Return once ``dag_id`` is parsed: a fresh stack answers 404 until then.

    ``alive`` is called at each look and may raise when waiting has become pointless.

    Raises:
        StackError: not there after ``timeout_s``; the text carries the import errors if any.
        ApiError: the login is refused.
    """
    headers = {"Authorization": f"Bearer {fetch_token(stack.url, stack.user, stack.password)}"}
    deadline = time.monotonic() + timeout_s
    with open_client(stack.url) as client:
        while client.get(f"/api/v2/dags/{dag_id}", headers=headers).status_code != httpx.codes.OK:
            alive()
            if time.monotonic() > deadline:
                errors = client.get("/api/v2/importErrors", headers=headers).json()
                raise StackError(_missing_dag(dag_id, timeout_s, errors))
            time.sleep(0.2)


def _missing_dag(dag_id: str, timeout_s: float, errors: dict[str, list[dict[str, str]]]) -> str:
    shown = "\n".join(
        f"{error.get('filename')}: {error.get('stack_trace', '').strip()[-800:]}"
        for error in errors.get("import_errors", [])
    )
    return f"DAG {dag_id!r} is not there after {timeout_s:.0f} s. " + (
        shown or "No DAG file has an import error: check the DAG folder."
    )
