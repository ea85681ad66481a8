"""An API server's websockets in memory of this process: port-forward and exec."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web

from airtune.launchers.kubernetes.api import ClusterApi
from airtune.launchers.kubernetes.handle import Handle

Program = Callable[[list[str], bytes], tuple[bytes, bytes, int]]
"""Gets argv and standard input; what it prints (twice) and its exit code."""

HANDLE = Handle(
    launcher="kubernetes", namespace="n", name="server", uid="1", pods="app=x", service="server",
    port=8000, container="server", engine="sglang", health_path="/health", log="",
)  # fmt: skip


class Streams:
    """One pod per name in ``ready``; each answers with its name and then what it was sent.

    Attributes:
        ready: pods that are ready.
        tunnels: how many were opened.
        refused: status that every tunnel is refused with; 0: none is.
        program: what exec runs.
        requests: header and path of everything asked.
    """

    def __init__(self) -> None:
        self.ready = ["one"]
        self.tunnels = 0
        self.refused = 0
        self.program: Program = lambda argv, stdin: (stdin, b"", 0)
        self.protocol = "v5.channel.k8s.io"
        self.requests: list[tuple[str, str]] = []
        self._open: set[web.WebSocketResponse] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def cut(self) -> None:
        """End every tunnel that is open."""
        assert self._loop
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(5)

    async def _cut(self) -> None:
        for socket in list(self._open):
            await socket.close()

    async def pods(self, request: web.Request) -> web.Response:
        """The list of pods."""
        self.requests.append((request.headers.get("authorization", ""), request.path_qs))
        items = [
            {
                "metadata": {"name": name, "uid": name, "creationTimestamp": "2026"},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            }
            for name in self.ready
        ]
        return web.json_response({"items": items})

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """A tunnel to the pod."""
        pod = request.match_info["pod"]
        if self.refused or pod not in self.ready:
            return web.json_response({"message": f"no {pod}"}, status=self.refused or 404)
        self.tunnels += 1
        socket = web.WebSocketResponse(protocols=["v4.channel.k8s.io"])
        await socket.prepare(request)
        self._open.add(socket)
        port = int(request.query["ports"]).to_bytes(2, "little")
        await socket.send_bytes(b"\0" + port)
        await socket.send_bytes(b"\1" + port)
        async for message in socket:
            data = message.data[1:]
            if data == b"fail":
                await socket.send_bytes(b"\1connection refused")
            elif data == b"end":
                await socket.close()
            else:
                await socket.send_bytes(b"\0" + pod.encode() + b":" + data)
        self._open.discard(socket)
        return socket

    async def execute(self, request: web.Request) -> web.StreamResponse:
        """A program in the pod, run once its input has ended."""
        socket = web.WebSocketResponse(protocols=[self.protocol])
        await socket.prepare(request)
        stdin = b""
        if request.query.get("stdin"):
            async for message in socket:
                if message.data[0] == 255:
                    break
                stdin += message.data[1:]
                if self.protocol.startswith("v4") and stdin.endswith(b"EOF"):
                    break
        out, err, code = self.program(request.query.getall("command"), stdin)
        await socket.send_bytes(b"\1" + out)
        await socket.send_bytes(b"\2" + err)
        causes = [{"reason": "ExitCode", "message": str(code)}]
        failed = {"status": "Failure", "message": "failed", "details": {"causes": causes}}
        status = {"status": "Success"} if code == 0 else failed
        await socket.send_bytes(b"\3" + json.dumps(status).encode())
        await socket.close()
        return socket

    async def serve(self, started: Callable[[int], None], over: asyncio.Event) -> None:
        """Serve on loopback until ``over``."""
        self._loop = asyncio.get_running_loop()
        app = web.Application()
        base = "/api/v1/namespaces/n/pods"
        app.router.add_get(base, cast("Callable[..., Awaitable[Any]]", self.pods))
        app.router.add_get(base + "/{pod}/portforward", self.forward)
        app.router.add_get(base + "/{pod}/exec", self.execute)
        runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        started(runner.addresses[0][1])
        await over.wait()
        await self._cut()
        await runner.cleanup()


@contextmanager
def streams() -> Iterator[tuple[Streams, ClusterApi]]:
    """The server, and an API that leads to it with a token."""
    fake, ports, ready = Streams(), list[int](), threading.Event()
    over: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def started(port: int) -> None:
        ports.append(port)
        ready.set()

    async def main() -> None:
        event = asyncio.Event()
        over.append((asyncio.get_running_loop(), event))
        await fake.serve(started, event)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield fake, api_at(ports[0])
    finally:
        loop, event = over[0]
        loop.call_soon_threadsafe(event.set)
        thread.join(5)


def api_at(port: int) -> ClusterApi:
    """An API at that port of loopback, without TLS."""
    configuration = SimpleNamespace(
        host=f"http://127.0.0.1:{port}", ssl_ca_cert=None, verify_ssl=True, cert_file=None
    )

    def authenticate(headers: dict[str, str], query: list[Any], kinds: list[str]) -> None:
        headers["authorization"] = "Bearer tok"

    client = SimpleNamespace(configuration=configuration, update_params_for_auth=authenticate)
    return ClusterApi(client)  # type: ignore[arg-type]
