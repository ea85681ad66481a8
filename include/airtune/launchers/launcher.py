"""The port behind which every launcher stands: an order in, a running server out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from airtune.launchers.probe import Pending, Readiness
from airtune.records import Device, Endpoint, Failure, ParamValue, ServerSpec
from airtune.task.container import ContainerOptions
from airtune.task.kubernetes import KubernetesOptions
from airtune.task.model import Model
from airtune.task.ome import OmeOptions


@dataclass(frozen=True)
class Order:
    """What one attempt of a slot wants of its launcher.

    Attributes:
        run, slot, attempt: who asks; a later attempt fences this one off.
        generation: grows when a task of the slot is cleared.
        server: what is to be started.
        model: the model as the task names it.
        container: what the task asks of its container (shared memory, limits).
        readiness: what a server must do before it counts as ready.
        devices: those leased; empty before the lease.
        log: file for the server's output.
        start_limit_s: from the server's start until it must be ready.
        pull_limit_s: for fetching image and model.
        trial_id: the trial it is for.
        capacity_limit_s: for a cluster to find room for the server.
        kubernetes: what the task asks of its pods.
        ome: what the task asks of OME.
        runtime: the task's ``base_runtime``; in OME the serving runtime.
        is_current: False once a newer attempt has entered: then nothing may be started.
        say: gets what a person following the task should see.
    """

    run: str
    slot: int
    attempt: int
    generation: int
    server: ServerSpec
    model: Model
    container: ContainerOptions
    readiness: Readiness
    devices: tuple[Device, ...]
    log: Path
    start_limit_s: float
    pull_limit_s: float
    trial_id: int = -1
    capacity_limit_s: float = 3600.0
    kubernetes: KubernetesOptions = field(default_factory=KubernetesOptions)
    ome: OmeOptions = field(default_factory=OmeOptions)
    runtime: str = ""
    is_current: Callable[[], bool] = field(default=lambda: True)
    say: Callable[[str], None] = field(default=lambda text: None)


class StillStarting(Exception):
    """The server runs and is not ready yet; its time is not over.

    Attributes:
        endpoint: to be polled, or handed to ``ensure`` again as ``expected``.
        deadline: epoch seconds at which it must be ready.
    """

    def __init__(self, endpoint: Endpoint, deadline: float) -> None:
        super().__init__(f"{endpoint.base_url} is still starting")
        self.endpoint = endpoint
        self.deadline = deadline


class Launcher(Protocol):
    """Starts, watches and removes the servers of slots.

    A server that runs is known by its records or labels alone, so every method works in any
    process of any host that reaches the launcher's world.
    """

    def prepare(self, order: Order) -> None:
        """Fetch what a start needs and that holds no device: image, model. Before the lease.

        Raises:
            TrialFailed: ``image`` or ``infrastructure``.
        """

    def ensure(self, order: Order, patience_s: float, expected: Endpoint | None = None) -> Endpoint:
        """A ready server for ``order``: the one that runs is adopted, else one is started.

        Client containers of earlier attempts are ended first (client processes: by the caller).
        Servers of earlier attempts that are not adopted are gone before another is started.

        Args:
            patience_s: how long to wait here; its own deadline may be later.
            expected: the server that an earlier call left starting: if it has died since, that
                is this trial's failure, and no second one is started.

        Raises:
            TrialFailed: it did not become ready; the class says why.
            StillStarting: patience is over, its deadline is not.
        """

    def poll(
        self, endpoint: Endpoint, readiness: Readiness, timeout_s: float
    ) -> Failure | Pending | None:
        """One look at a starting server: None when it is ready."""

    def died(self, endpoint: Endpoint) -> Failure | None:
        """Why the server has ended (``infrastructure`` if that cannot be asked); None: it runs."""

    def responds(self, endpoint: Endpoint) -> bool:
        """True if the server runs and answers one short completion."""

    def argv(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The started server's own command line, as the system that runs it tells."""

    def identity(self, endpoint: Endpoint) -> dict[str, ParamValue]:
        """What it really runs on, found after the start (``image_digest``, ``host`` …)."""

    def started_at(self, endpoint: Endpoint) -> float:
        """Epoch seconds at which the server's process began; infinite while it has not.

        Waiting for a cluster's capacity and pulling images before that are not the trial's. 0
        where a server begins as soon as it is ordered.
        """

    def client_cpus(self, devices: tuple[Device, ...]) -> tuple[int, ...]:
        """Cores of the worker's host that are left to the client; empty: not pinned."""

    def remove(self, run: str, slot: int, attempt: int) -> int:
        """End server and client of the slot up to ``attempt``, see them gone; how many were alive.

        Idempotent. Logs are saved first.

        Raises:
            TrialFailed: ``infrastructure``: something could not be removed or asked for.
        """
