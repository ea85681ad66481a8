"""A program run in a pod's container: its input given, its output taken, byte for byte."""

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi
from airtune.launchers.kubernetes.sockets import Sockets

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _STATUS, _CLOSE = 0, 1, 2, 3, 255
_CHUNK = 1 << 18
_MOST = 512 << 20
_MOST_STDERR = 4000


class ExecFailed(Exception):
    """The program ended with an error, or could not be started.

    Attributes:
        exit_code: None if it was not started, or its end is not known.
        output: what it had written to its standard output.
    """

    def __init__(self, exit_code: int | None, message: str, output: bytes = b"") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.output = output


class TooMuch(Exception):
    """The program wrote more than was asked for."""


def run(
    api: ClusterApi,
    namespace: str,
    pod: str,
    container: str,
    argv: Sequence[str],
    stdin: bytes = b"",
    *,
    limit_s: float = 60.0,
    most: int = _MOST,
) -> bytes:
    """Run ``argv`` in a running container; its standard output.

    Not to be called in a running event loop.

    Args:
        stdin: followed by an end of file where the API server can pass that on (since 1.30);
            a program must not depend on it (tar does not).
        limit_s: for all of it; the program itself may go on after that.
        most: bytes of its output.

    Raises:
        ApiRefused: the API server did, or did not answer; there is no such pod or container.
        ExecFailed: it ended with another code than 0, or could not be started.
        TooMuch: it wrote more than ``most``.
    """
    call = _Call(argv, stdin, most)
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
    query = [("container", container), ("stdout", "true"), ("stderr", "true")]
    query += [("stdin", "true")] if stdin else []
    query += [("command", word) for word in argv]
    return asyncio.run(call.run(api, path, query, limit_s))


class _Call:
    def __init__(self, argv: Sequence[str], stdin: bytes, most: int) -> None:
        self._argv, self._stdin, self._most = tuple(argv), stdin, most
        self._stdout, self._stderr = bytearray(), bytearray()
        self._status: dict[str, Any] | None = None

    async def run(
        self, api: ClusterApi, path: str, query: list[tuple[str, str]], limit_s: float
    ) -> bytes:
        try:
            async with asyncio.timeout(limit_s), Sockets.of(api) as sockets:
                socket = await sockets.open(path, query, _PROTOCOLS)
                feeding = asyncio.create_task(self._feed(socket))
                try:
                    await self._read(socket)
                finally:
                    feeding.cancel()
                    await asyncio.gather(feeding, return_exceptions=True)
                    await socket.close()
        except TimeoutError:
            text = f"{self._argv[0]} did not end within {limit_s:g} s"
            raise ExecFailed(None, text, bytes(self._stdout)) from None
        return self._result()

    async def _feed(self, socket: "ClientWebSocketResponse") -> None:
        for start in range(0, len(self._stdin), _CHUNK):
            await socket.send_bytes(bytes((_STDIN,)) + self._stdin[start : start + _CHUNK])
        if self._stdin and socket.protocol == _PROTOCOLS[0]:
            await socket.send_bytes(bytes((_CLOSE, _STDIN)))

    async def _read(self, socket: "ClientWebSocketResponse") -> None:
        async for message in socket:
            if not isinstance(message.data, bytes) or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel == _STDOUT:
                self._stdout += data
                if len(self._stdout) > self._most:
                    raise TooMuch(f"{self._argv[0]} wrote more than {self._most} bytes")
            elif channel == _STDERR:
                self._stderr += data[: _MOST_STDERR - len(self._stderr)]
            elif channel == _STATUS and data:
                self._status = json.loads(data)
                return

    def _result(self) -> bytes:
        status = self._status
        if status is None:
            raise ApiRefused(0, "Closed", f"the connection ended before {self._argv[0]} did")
        if status.get("status") == "Success":
            return bytes(self._stdout)
        said = self._stderr.decode(errors="replace").strip()
        raise ExecFailed(
            _exit_code(status), said or str(status.get("message") or ""), bytes(self._stdout)
        )


def _exit_code(status: dict[str, Any]) -> int | None:
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    return None
