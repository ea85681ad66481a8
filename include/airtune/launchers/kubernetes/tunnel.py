"""One tunnel to a port of a pod: what kubectl port-forward makes for each connection."""

import asyncio
from typing import TYPE_CHECKING, Self

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.launchers.kubernetes.sockets import CONNECT_S, Sockets

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse, WSMessage

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK = 1 << 16
_HALF_OPEN_S = 60.0
"""The protocol cannot pass on that one side has ended, so a client that only listens and one that
has gone look alike: the server has this long between two pieces of its answer."""


class Tunnel:
    """A websocket whose other end is one TCP connection of the pod to itself.

    Attributes:
        pod: uid of the pod.
    """

    def __init__(self, pod: str, socket: "ClientWebSocketResponse") -> None:
        self.pod = pod
        self._socket = socket
        self._next: asyncio.Task[WSMessage] = asyncio.create_task(socket.receive())

    @classmethod
    async def open(cls, sockets: Sockets, namespace: str, pod: str, uid: str, port: int) -> Self:
        """Connect to ``port`` of the pod.

        Raises:
            ApiRefused: the API server refused or did not answer. That nothing listens at the
                port is known a moment later (``stale``).
        """
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        socket = await sockets.open(path, [("ports", str(port))], [_PROTOCOL])
        try:
            async with asyncio.timeout(CONNECT_S):
                # Each channel begins with the port's number.
                for _ in (_DATA, _ERROR):
                    first = await socket.receive()
                    if not isinstance(first.data, bytes):
                        raise ApiRefused(0, "Closed", f"pod {pod} closed its tunnel at once")
        except BaseException as error:
            await socket.close()
            if isinstance(error, TimeoutError):
                raise ApiRefused(0, "Unreachable", f"pod {pod} opened no tunnel") from error
            raise
        return cls(uid, socket)

    @property
    def stale(self) -> bool:
        """True if it has been cut, or has spoken before it was asked anything."""
        return self._next.done()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes both ways until the server's side ends, or the client is gone.

        Raises:
            OSError: the client has gone, or the tunnel was cut, or nothing listens at the port.
        """
        up = asyncio.create_task(self._up(reader))
        try:
            while await self._heard(up):
                message = self._next.result()
                if not isinstance(message.data, bytes):
                    return
                channel, data = message.data[0], message.data[1:]
                if channel == _ERROR and data:
                    raise ConnectionResetError(data.decode(errors="replace").strip())
                self._next = asyncio.create_task(self._socket.receive())
                if data:
                    writer.write(data)
                    await writer.drain()
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)

    async def _heard(self, up: asyncio.Task[None]) -> bool:
        """True once the server has said something; False if it had its time."""
        while not self._next.done():
            ended = up.done()
            waiting = {self._next} if ended else {self._next, up}
            await asyncio.wait(
                waiting,
                timeout=_HALF_OPEN_S if ended else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if up.done():
                up.result()  # raises what ended it before the client had
                if ended and not self._next.done():
                    return False
        return True

    async def _up(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_CHUNK):
            await self._socket.send_bytes(bytes((_DATA,)) + data)

    async def close(self) -> None:
        """Cut it."""
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)
        await self._socket.close()
