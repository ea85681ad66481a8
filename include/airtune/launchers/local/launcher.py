"""The launcher of servers as processes of the worker's host."""

import time
from dataclasses import dataclass
from pathlib import Path

from airtune.errors import SettingsError
from airtune.launchers.launcher import Order
from airtune.launchers.local import server as local
from airtune.launchers.local.handle import ROLE, Handle
from airtune.launchers.local.ready import wait_ready
from airtune.launchers.probe import Pending, Readiness
from airtune.processes.place import Place
from airtune.records import Device, Endpoint, Failure, ParamValue
from airtune.settings import Settings

_ONE_LOOK_S = 10.0
"""A server whose time is over is still looked at once more: it may have become ready."""


@dataclass(frozen=True)
class LocalLauncher:
    """Servers of this host, found again by their process records."""

    settings: Settings

    def prepare(self, order: Order) -> None:
        """Nothing is fetched: engine and model are on this host."""

    def ensure(self, order: Order, patience_s: float, expected: Endpoint | None = None) -> Endpoint:
        """A ready server: adopted or started, see ``Launcher``.

        Raises:
            TrialFailed: the server did not become ready; the class says why.
            StillStarting: patience is over, its deadline is not.
            SettingsError: this host does not say how the engine is called.
        """
        place = self._place(order.run, order.slot, order.attempt)
        now = time.monotonic()
        if expected is not None:
            deadline = now + _time_left(expected, order.start_limit_s)
            wait_ready(expected, order.readiness, deadline=deadline, until=now + patience_s)
            return expected
        found = local.adopt(place, order.server, order.readiness, order.start_limit_s, patience_s)
        if found is not None:
            return found
        place.end(ROLE)
        now = time.monotonic()
        return local.start_and_wait(
            order.server,
            place,
            order.readiness,
            command=self._command(order.server.engine),
            devices=order.devices,
            log=order.log,
            deadline=now + order.start_limit_s,
            until=now + patience_s,
            trial_id=order.trial_id,
            cwd=self.settings.home,
        )

    def poll(
        self, endpoint: Endpoint, readiness: Readiness, timeout_s: float
    ) -> Failure | Pending | None:
        """One look at a starting server: None when it is ready."""
        return local.poll(endpoint, readiness, timeout_s)

    def died(self, endpoint: Endpoint) -> Failure | None:
        """Why the server has ended; None while it runs."""
        return local.died(endpoint)

    def responds(self, endpoint: Endpoint) -> bool:
        """True if the server runs and answers one short completion."""
        return local.responds(endpoint)

    def argv(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The server's whole command line."""
        return tuple(Handle.of(endpoint).argv)

    def identity(self, endpoint: Endpoint) -> dict[str, ParamValue]:
        """Nothing that the plan does not know: program and version are in its key."""
        return {}

    def started_at(self, endpoint: Endpoint) -> float:
        """0: it begins when it is ordered."""
        return 0.0

    def client_cpus(self, devices: tuple[Device, ...]) -> tuple[int, ...]:
        """Cores that are left to the client."""
        return local.free_cpus(devices, self.settings.devices)

    def remove(self, run: str, slot: int, attempt: int) -> int:
        """End the slot's processes up to ``attempt`` and see them gone; how many were alive.

        Raises:
            TrialFailed: ``infrastructure``: a process did not end even after SIGKILL.
        """
        return local.remove(self._place(run, slot, attempt))

    def _place(self, run: str, slot: int, attempt: int) -> Place:
        return Place.of(self.settings.run_dir, run, slot, attempt)

    def _command(self, engine: str) -> tuple[str, ...]:
        command = self.settings.engine_commands.get(engine)
        if command is None:
            raise SettingsError(
                f"This host does not say how to start {engine!r} as a process: set "
                f'AIRTUNE_ENGINE_COMMANDS=\'{{"{engine}": ["program", "argument"]}}\', '
                "or use autotune_docker."
            )
        return command


def _time_left(endpoint: Endpoint, limit_s: float) -> float:
    try:
        started = Path(Handle.of(endpoint).record).stat().st_mtime
    except FileNotFoundError:
        return _ONE_LOOK_S
    return max(started + limit_s - time.time(), _ONE_LOOK_S)
