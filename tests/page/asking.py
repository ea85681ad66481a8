"""Requests to an ASGI application without a server."""

import asyncio
from typing import Any

import httpx


class Asking:
    """A browser of an application, which sees errors as a browser does: as status 500."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def get(self, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
        return asyncio.run(self._ask(method, path, options))

    async def _ask(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            return await client.request(method, path, **options)
