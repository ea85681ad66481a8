"""One call of the benchmark client as a container that is bounded in time and leaves nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError

from airtune.launchers.client_end import ALMOST_DONE, ClientEnd, Why
from airtune.launchers.docker.client_container import (
    ClientOrder,
    client_failures,
    create_client,
    remove_client,
)
from airtune.launchers.docker.client_files import fetch_folder, put_folders
from airtune.launchers.docker.client_output import ContainerOutput

_WAIT_S = 0.1
_LOOK_S = 0.5


def run_to_end(
    client: APIClient,
    order: ClientOrder,
    *,
    limit_s: float,
    feed: Callable[[bytes], None],
    complete: Callable[[], bool] = lambda: False,
    should_stop: Callable[[], bool] = lambda: False,
) -> ClientEnd:
    """Run a client until it ends, its result is complete, it is to stop, or ``limit_s`` is over.

    When this returns or raises its container is gone, and what it left is in ``order.into``.

    Args:
        feed: gets its output as it comes.
        complete: looks at ``order.into``; asked only once the client says that it is almost done.
        should_stop: asked twice a second.

    Raises:
        TrialFailed: ``image``: it is not there or has no such program; ``infrastructure``: the
            engine cannot be reached, or its name is taken by something foreign; ``cancelled``: a
            newer attempt has removed it.
    """
    with client_failures(order):
        container = create_client(client, order)
        try:
            put_folders(client, container, order.put)
            # Created before asking: a newer attempt either finds the container and removes it,
            # or has entered before and is seen here.
            if not order.is_current():
                return ClientEnd("fenced_off", None, 0.0)
            client.start(container)
            call = _Call(client, container, order, ContainerOutput(client, container), feed)
            return call.run(limit_s, complete, should_stop)
        finally:
            remove_client(client, container)


@dataclass
class _Call:
    """One container from its start on."""

    client: APIClient
    container: str
    order: ClientOrder
    output: ContainerOutput
    feed: Callable[[bytes], None]
    almost_done: bool = False

    def run(
        self, limit_s: float, complete: Callable[[], bool], should_stop: Callable[[], bool]
    ) -> ClientEnd:
        started = time.monotonic()
        try:
            why = self._follow(started + limit_s, complete, should_stop)
            seconds = time.monotonic() - started
            if why == "ended" and not self.order.is_current():
                return ClientEnd("fenced_off", None, seconds)  # the newer attempt has ended it
            code = int(self._state()["ExitCode"]) if why == "ended" else None
            if why != "complete":
                self._kill()
                self._fetch()
            return ClientEnd(why, code, seconds)
        finally:
            remove_client(self.client, self.container)  # its output ends with it
            for rest in self.output.close():
                self.feed(rest)

    def _follow(
        self, deadline: float, complete: Callable[[], bool], should_stop: Callable[[], bool]
    ) -> Why:
        next_look = time.monotonic() + _LOOK_S
        while True:
            if chunk := self.output.take(_WAIT_S):
                self.almost_done = self.almost_done or ALMOST_DONE in chunk
                self.feed(chunk)
            now = time.monotonic()
            if now >= next_look or self.output.ended:
                next_look = now + _LOOK_S
                if self._ended():
                    return "ended"
                if should_stop():
                    return "stopped"
                if self.almost_done and self._fetch() and complete():
                    return "complete"
            if now > deadline:
                return "limit"

    def _ended(self) -> bool:
        """Asked of the engine once the output has ended: a client may close it and go on."""
        return self.output.ended and not self._state()["Running"]

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.client.inspect_container(self.container)["State"]
        return state

    def _kill(self) -> None:
        try:
            self.client.kill(self.container)
        except APIError as error:
            if error.status_code != 409:  # it does not run
                raise

    def _fetch(self) -> bool:
        order = self.order
        return fetch_folder(self.client, self.container, order.fetch, order.into)
