"""A port of this host that leads to a server in the cluster, whichever pod that is just then."""

import asyncio
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Self

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.sockets import Sockets
from airtune.launchers.kubernetes.tunnel import Tunnel

_LEAST, _MOST = 4, 32
"""Tunnels kept open beforehand: as many as are in use, within these bounds."""

_LOOK_S = 1.0
"""A pod that was ready so long ago is looked at again."""

_AFTER_S = 0.03
_PAUSE_S = 1.0
"""Nothing is accepted for so long when that has failed."""

_START_S = 10.0
_END_S = 5.0


class Forward:
    """Listens on 127.0.0.1 at a free port; every connection gets a tunnel of its own.

    A tunnel that is cut ends one connection only: the next one is led to a pod that is ready
    then. While there is none, or no API server, connections are closed at once. All of it runs
    in one daemon thread until ``close``.
    """

    def __init__(self, api: ClusterApi, handle: Handle) -> None:
        self._api, self._handle = api, handle
        # Threads of llama.cpp's HTTP server wait at connections that say nothing.
        self._beforehand = handle.engine != "llama_cpp"
        self._listening: Future[int] = Future()
        self._over: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        name = f"forward to {handle.name}"
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()
        self._port = self._listening.result(_START_S)

    @property
    def url(self) -> str:
        """Where the server answers on this host."""
        return f"http://127.0.0.1:{self._port}"

    def close(self) -> None:
        """End the listener and every connection; idempotent."""
        if self._loop and self._over and self._thread.is_alive():
            with suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_END_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._listening.done():
                raise
            self._listening.set_exception(error)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with Sockets.of(self._api) as sockets:
            relay = _Relay(sockets, self._handle, self._beforehand)
            # asyncio's own server loses a connection that it is just taking when it is closed.
            listener = socket.create_server(("127.0.0.1", 0))
            listener.setblocking(False)
            relay.listen(listener)
            self._listening.set_result(listener.getsockname()[1])
            keeper = asyncio.create_task(relay.keep())
            try:
                await self._over.wait()
            finally:
                self._loop.remove_reader(listener)
                listener.close()
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
                await relay.close()


class _Relay:
    """The connections of one ``Forward``."""

    def __init__(self, sockets: Sockets, handle: Handle, beforehand: bool) -> None:
        self._sockets, self._handle, self._beforehand = sockets, handle, beforehand
        self._spares: list[Tunnel] = []
        self._active: dict[asyncio.Task[None], socket.socket] = {}
        self._pod: tuple[str, str] | None = None
        self._looked = 0.0
        self._wanted = asyncio.Event()

    def listen(self, listener: socket.socket) -> None:
        """Take connections in the running loop, until the listener is closed."""
        if listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listener, self._connected, listener)

    def _connected(self, listener: socket.socket) -> None:
        """Lead one connection of a client to the server, in a task of its own."""
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # it has gone again
            return
        except OSError:  # it stays: without a pause the loop would spin, say for want of files
            loop = asyncio.get_running_loop()
            loop.remove_reader(listener)
            loop.call_later(_PAUSE_S, self.listen, listener)
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(self._lead(client))
        # Not by the task itself: one that is cancelled before it has begun never runs.
        self._active[task] = client
        task.add_done_callback(lambda ended: self._active.pop(ended).close())

    async def _lead(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        tunnel: Tunnel | None = None
        try:
            tunnel = await self._tunnel()
            await tunnel.carry(reader, writer)
        except (ApiRefused, OSError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()  # and no more: who ends the loop has no use for the news
        finally:
            writer.close()
            if tunnel:
                await tunnel.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def keep(self) -> None:
        """Keep tunnels open beforehand, to the pod that is ready now."""
        while self._beforehand:
            self._wanted.clear()
            with suppress(ApiRefused):
                await self._fill(await self._ready_pod(_LOOK_S))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._wanted.wait()
                # The request that has just taken one goes first.
                await asyncio.sleep(_AFTER_S)

    async def close(self) -> None:
        """End all connections."""
        active = list(self._active)
        for task in active:
            task.cancel()
        await asyncio.gather(*active, return_exceptions=True)
        await asyncio.gather(*(spare.close() for spare in self._spares), return_exceptions=True)

    async def _fill(self, pod: tuple[str, str]) -> None:
        old = [spare for spare in self._spares if spare.stale or spare.pod != pod[1]]
        self._spares = [spare for spare in self._spares if spare not in old]
        for spare in old:
            await spare.close()
        while not old and len(self._spares) < min(max(len(self._active), _LEAST), _MOST):
            self._spares.append(await self._open(pod))

    async def _tunnel(self) -> Tunnel:
        """A tunnel to a ready pod: one that was kept, else a new one."""
        while self._spares:
            spare = self._spares.pop(0)
            self._wanted.set()
            if not spare.stale:
                return spare
            await spare.close()
        try:
            return await self._open(await self._ready_pod(_LOOK_S))
        except ApiRefused as error:
            if error.status == 0:
                raise
        return await self._open(await self._ready_pod(0))  # it was another one a moment ago

    async def _open(self, pod: tuple[str, str]) -> Tunnel:
        handle = self._handle
        return await Tunnel.open(self._sockets, handle.namespace, *pod, handle.port)

    async def _ready_pod(self, age_s: float) -> tuple[str, str]:
        """Name and uid of a pod behind the server, as it was at most ``age_s`` ago.

        Raises:
            ApiRefused: there is none (``NotReady``), or it could not be asked for.
        """
        if self._pod is None or time.monotonic() - self._looked > age_s:
            self._pod = None
            path = f"/api/v1/namespaces/{self._handle.namespace}/pods"
            found = await self._sockets.get(path, labelSelector=self._handle.pods)
            ready = [pod["metadata"] for pod in found["items"] if is_ready(pod)]
            if not ready:
                raise ApiRefused(0, "NotReady", f"no pod of {self._handle.name} is ready")
            newest = max(ready, key=lambda metadata: str(metadata["creationTimestamp"]))
            self._pod = newest["name"], newest["uid"]
            self._looked = time.monotonic()
        return self._pod


def is_ready(pod: Json) -> bool:
    """True for a pod that a Service would send requests to."""
    conditions = pod.get("status", {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
