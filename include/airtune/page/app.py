"""The page as an ASGI application, to be mounted in Airflow's API server."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol, cast

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException as AnyHTTPException

from airtune.errors import SettingsError
from airtune.page.render import error_html, index_html, security_headers, task_html
from airtune.page.stored import read_all, read_task
from airtune.page.view import task_row
from airtune.results.document import ResultsDocument

_LOG_IN = "Log in to Airflow, then load this page again."


class MayRead(Protocol):
    """Says whether the user who asks may read what runs of a DAG have found."""

    def __call__(self, dag_id: str) -> bool:
        """True if so."""
        ...


def create_app(results_dir: Callable[[], Path], permission: Callable[..., MayRead]) -> FastAPI:
    """The application; results of DAGs that a user may not read do not exist for that user.

    Args:
        results_dir: where the results files lie; asked at each request, so that wrong settings
            break the page and not the server that it is mounted in.
        permission: a FastAPI dependency that refuses whoever is not logged in.
    """
    app = FastAPI(title="airtune", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(AnyHTTPException, _refused)
    app.add_exception_handler(SettingsError, _broken)

    # Plain functions, not async: they read files, and so run in the server's thread pool.
    @app.get("/")
    def index(may_read: Annotated[MayRead, Depends(permission)]) -> HTMLResponse:
        found = [document for _, document in read_all(results_dir())]
        shown = [task_row(one) for one in found if one and may_read(_dag_id(one))]
        return _answer(index_html(shown, unreadable=found.count(None)))

    @app.get("/tasks/{name}")
    def task(name: str, may_read: Annotated[MayRead, Depends(permission)]) -> HTMLResponse:
        document = read_task(name, results_dir())
        if document is None or not may_read(_dag_id(document)):
            raise HTTPException(404, "There are no results that you may read under this name.")
        return _answer(task_html(document))

    return app


def _dag_id(document: ResultsDocument) -> str:
    return document.run_id.partition("/")[0]


def _refused(_: Request, error: Exception) -> HTMLResponse:
    refusal = cast(AnyHTTPException, error)  # the class that it is registered for
    detail = _LOG_IN if refusal.status_code == 401 else str(refusal.detail)
    answer = _answer(error_html(refusal.status_code, detail), refusal.status_code)
    answer.headers.update(refusal.headers or {})
    return answer


def _broken(_: Request, error: Exception) -> HTMLResponse:
    return _answer(error_html(500, f"The API server's settings are wrong. {error}"), 500)


def _answer(html: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(html, status, dict(security_headers()))
