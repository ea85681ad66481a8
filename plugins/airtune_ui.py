"""Registers the results page in Airflow's UI.

Airflow imports this file in every process, each task's included, and reads the attributes that
are computed here in the API server only: nothing but that may load what the page is made of.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from airtune.page.app import MayRead

PREFIX = "/airtune"


class AirtunePlugin(AirflowPlugin):
    """The page under ``PREFIX``, and its entry in the menu."""

    name = "airtune"

    # Airflow reads both attributes and never sets them.
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The application to be mounted."""
        from airtune.page.app import create_app
        from airtune.settings import Settings

        app = create_app(lambda: Settings.load().results_dir, permission())
        return [{"name": "airtune", "app": app, "url_prefix": PREFIX}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The entry in the menu; its address counts from the host, a proxy's path included."""
        from airflow.configuration import conf

        base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
        return [
            {
                "name": "airtune",
                "href": f"{base}{PREFIX}/",
                "url_route": "airtune",
                "destination": "nav",
            }
        ]


def permission() -> "Callable[..., MayRead]":
    """Airflow's own check of login and rights as a FastAPI dependency."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
    from fastapi import HTTPException, Request

    def of_user(request: Request, user: GetUserDep) -> "MayRead":
        def may_read(dag_id: str) -> bool:
            check = requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=dag_id)
            try:
                check(request, user)
            except HTTPException:
                return False
            return True

        return may_read

    return of_user
