"""The API server's websockets: what exec and port-forward go through, beside its JSON."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlencode

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json

if TYPE_CHECKING:
    from aiohttp import ClientSession, ClientWebSocketResponse

CONNECT_S = 10.0
_CLOSE_S = 0.5
"""How long a peer may take to answer our close; then the connection is simply dropped."""

_CUT_S = 2.0
_CUT_POLL_S = 0.005


class Sockets:
    """Connections of one event loop; to be opened and closed in it.

    Every method raises ``ApiRefused``.
    """

    def __init__(self, api: ClusterApi, session: "ClientSession") -> None:
        self._client, self._session = api.client, session
        self._host = str(api.client.configuration.host).rstrip("/")

    @classmethod
    @asynccontextmanager
    async def of(cls, api: ClusterApi) -> AsyncIterator[Self]:
        """Sockets by the same authentication and TLS as ``api``."""
        from aiohttp import ClientSession, TCPConnector

        context = _tls(api.client.configuration)
        raw: list[socket.socket] = []
        connector = TCPConnector(ssl=context, limit=0, socket_factory=partial(_made, raw))
        try:
            async with ClientSession(connector=connector, trust_env=False) as session:
                yield cls(api, session)
        finally:
            await _cut(raw)

    async def get(self, path: str, **query: str) -> Json:
        """An object, or a list of them."""
        from aiohttp import ClientError

        try:
            async with (
                asyncio.timeout(CONNECT_S),
                self._session.get(self._url(path, query.items()), **self._options()) as answer,
            ):
                found: Json = await answer.json(content_type=None)
        except (ClientError, OSError, ValueError) as error:
            raise _refused(error) from error
        if answer.status >= 400:
            raise ApiRefused(
                answer.status, str(found.get("reason") or ""), str(found.get("message") or "")
            )
        return found

    async def open(
        self, path: str, query: Sequence[tuple[str, str]], protocols: Sequence[str]
    ) -> "ClientWebSocketResponse":
        """A websocket; its ``protocol`` is the one that the server has chosen."""
        from aiohttp import ClientError, ClientWSTimeout, WSServerHandshakeError

        try:
            async with asyncio.timeout(CONNECT_S):
                opened = await self._session.ws_connect(
                    self._url(path, query),
                    protocols=tuple(protocols),
                    timeout=ClientWSTimeout(ws_close=_CLOSE_S),
                    max_msg_size=0,
                    compress=0,
                    **self._options(),
                )
        except WSServerHandshakeError as error:
            if error.status in {403, 404}:  # says in an ordinary answer what it refuses
                await self.get(path)
            raise _refused(error) from error
        except (ClientError, OSError) as error:
            raise _refused(error) from error
        return cast("ClientWebSocketResponse", opened)

    def _url(self, path: str, query: Any) -> Any:
        from yarl import URL

        text = urlencode(list(query))
        return URL(f"{self._host}{path}" + (f"?{text}" if text else ""), encoded=True)

    def _proxy(self) -> dict[str, Any]:
        """The proxy that the client itself has decided for."""
        rest: Any = getattr(self._client, "rest_client", None)
        manager: Any = getattr(rest, "pool_manager", None)
        proxy = getattr(manager, "proxy", None)
        if proxy is None:
            return {}
        return {"proxy": proxy.url, "proxy_headers": dict(manager.proxy_headers or {})}

    def _options(self) -> dict[str, Any]:
        headers: dict[str, str] = {}
        # Asked each time: tokens of a service account and of a cloud's plug-in are renewed.
        self._client.update_params_for_auth(headers, [], ["BearerToken"])
        configuration = self._client.configuration
        return {
            "headers": headers,
            **self._proxy(),
            "server_hostname": getattr(configuration, "tls_server_name", None) or None,
        }


def _made(raw: list[socket.socket], address: tuple[Any, ...]) -> socket.socket:
    """A socket that is remembered as long as it is open."""
    raw[:] = [one for one in raw if one.fileno() >= 0]
    raw.append(socket.socket(*address[:3]))
    return raw[-1]


async def _cut(raw: list[socket.socket]) -> None:
    """TLS takes leave politely, also of whom we were just calling: not longer than our loop."""
    deadline = time.monotonic() + _CUT_S
    for one in raw:
        with suppress(OSError):  # it is closed, or was never connected
            one.shutdown(socket.SHUT_RDWR)
    while any(one.fileno() >= 0 for one in raw) and time.monotonic() < deadline:
        await asyncio.sleep(_CUT_POLL_S)


def _tls(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    if not configuration.verify_ssl:  # the user's kubeconfig says so
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif getattr(configuration, "assert_hostname", None) is False:
        context.check_hostname = False
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _refused(error: Exception) -> ApiRefused:
    status = int(getattr(error, "status", 0) or 0)
    text = str(error) or f"no answer within {CONNECT_S:g} s"
    if status:
        return ApiRefused(status, "", text)
    return ApiRefused(0, "Unreachable", f"{type(error).__name__}: {text}")
