"""The launcher of servers in a Kubernetes cluster, whatever they are made of there."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal, Protocol

from airtune.errors import TaskError, TrialFailed
from airtune.launchers import probe
from airtune.launchers.kubernetes import waiting, watch
from airtune.launchers.kubernetes.access import place
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json
from airtune.launchers.kubernetes.endpoint import Endpoints
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.identity import identity_of
from airtune.launchers.kubernetes.pods import PodState, pods_of
from airtune.launchers.kubernetes.reach import Reach
from airtune.launchers.kubernetes.refusal import reaching
from airtune.launchers.kubernetes.remove import Removal
from airtune.launchers.kubernetes.room import Room, has_room
from airtune.launchers.kubernetes.spec import with_spec
from airtune.launchers.kubernetes.stamps import ahead_s, epoch
from airtune.launchers.kubernetes.start import Start
from airtune.launchers.kubernetes.world import World
from airtune.launchers.launcher import Order
from airtune.launchers.probe import Pending, Readiness
from airtune.launchers.set_aside import set_aside
from airtune.records import Device, Endpoint, Failure, FailureClass, ParamValue
from airtune.settings import Settings


class Way(Protocol):
    """How this process reaches servers: ``Reach``."""

    def url(self, endpoint: Endpoint) -> str:
        """Where the server answers, seen from here."""

    def close(self) -> None:
        """End what it has opened; idempotent."""


class ClusterLauncher:
    """Servers in one cluster, found again by their names and labels.

    Args:
        world: what a server is made of.
        kubeconfig: the one that the task has named; empty: the installation's own access.
        namespace: where ``remove`` looks; empty: in all, which needs rights in all.
        way: how servers are reached; None: as the settings say.
    """

    def __init__(
        self,
        world: World,
        api: ClusterApi,
        settings: Settings,
        *,
        kubeconfig: str = "",
        namespace: str = "",
        way: Way | None = None,
    ) -> None:
        self.world = world
        self.api = api
        self._settings = settings
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._where = place(settings, kubeconfig)
        self._way: Way = Reach(api, settings) if way is None else way

    @property
    def kind(self) -> Literal["kubernetes", "ome"]:
        """The launcher's name."""
        return self.world.kind

    def close(self) -> None:
        """End port-forwards; idempotent."""
        self._way.close()

    def url(self, endpoint: Endpoint) -> str:
        """Where a server answers, seen from this process; valid until ``close``."""
        return self._way.url(endpoint)

    def prepare(self, order: Order) -> None:
        """Make what servers share. Images are pulled by the nodes, after the lease.

        Raises:
            TrialFailed: see ``Launcher``.
        """
        with self._reaching():
            self.world.prepare(self.api, order)

    def ensure(self, order: Order, patience_s: float, expected: Endpoint | None = None) -> Endpoint:
        """A ready server: adopted or started, see ``Launcher``.

        Raises:
            TrialFailed: it did not become ready; the class says why.
            StillStarting: patience is over, its deadline is not.
        """
        until = time.monotonic() + patience_s
        with _uncharged(), self._reaching():
            removal = self._removal(order.run, order.slot, order.model.namespace)
            removal.clients(order.attempt - 1)
            if expected is not None and Handle.of(expected).uid:
                return self._ready(order, expected, until)
            objects = with_spec(self.world.objects(self.api, order))
            start = Start(self.api, order, objects, removal)
            if adopted := self._adopted(start, order, until):
                return adopted
            removal.run_all(order.attempt)
            set_aside(order.log, order.attempt)
            room = Room(self._endpoints(order), order, objects[0], expected)
            return self._ready(order, room.wait(start.run, until), until)

    def poll(
        self, endpoint: Endpoint, readiness: Readiness, timeout_s: float
    ) -> Failure | Pending | None:
        """One look at a starting server: None when it is ready, or ``ensure`` has to look at it.

        That is so when it may be created at last, and when it waits for something else.
        """
        handle = Handle.of(endpoint)
        try:
            with self._reaching():
                if not handle.uid:
                    return has_room(self.api, handle)
                look = partial(self.world.look, self.api, handle)
                return waiting.poll(
                    self.api, endpoint, readiness, timeout_s, url=self.url, look=look
                )
        except TrialFailed as error:
            return error.failure

    def died(self, endpoint: Endpoint) -> Failure | None:
        """Why the server has ended (``infrastructure`` if that cannot be asked); None: it runs."""
        try:
            with self._reaching():
                return watch.end_of(self.api, Handle.of(endpoint), FailureClass.UNHEALTHY)
        except TrialFailed as error:
            return error.failure

    def responds(self, endpoint: Endpoint) -> bool:
        """True if the server runs and answers one short completion."""
        if self.died(endpoint):
            return False
        readiness = Readiness(
            health_path=Handle.of(endpoint).health_path, model_name=endpoint.model_name
        )
        return probe.responds(self.url(endpoint), readiness)

    def argv(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The command line of the container, as the pod's object tells it.

        Raises:
            TrialFailed: ``infrastructure``: the pod is not there, or cannot be asked for.
        """
        handle = Handle.of(endpoint)
        with self._reaching():
            return self.world.argv(self.api, handle, self._pod(handle))

    def identity(self, endpoint: Endpoint) -> dict[str, ParamValue]:
        """Node and GPU product, image and digest, Kubernetes' version, pod and start.

        Raises:
            TrialFailed: as ``argv``.
        """
        handle = Handle.of(endpoint)
        with self._reaching():
            return identity_of(self.api, handle, self._pod(handle))

    def started_at(self, endpoint: Endpoint) -> float:
        """Epoch seconds of this host's clock at which the container started, else infinite.

        Raises:
            TrialFailed: ``infrastructure``: it cannot be asked for.
        """
        handle = Handle.of(endpoint)
        with self._reaching():
            pods = pods_of(self.api, handle) if handle.uid else []
            pod = watch.counting(pods, handle)
            started = None if pod is None else PodState.of(pod, handle.container).started_at
            return math.inf if started is None else started - ahead_s(self.api)

    def client_cpus(self, devices: tuple[Device, ...]) -> tuple[int, ...]:
        """None of them: the server's cores are on a node of the cluster."""
        return ()

    def remove(self, run: str, slot: int, attempt: int) -> int:
        """End the slot's objects up to ``attempt``; how many servers and clients were alive.

        Raises:
            TrialFailed: ``infrastructure``: something could not be removed or asked for.
        """
        with self._reaching():
            return self._removal(run, slot, self._namespace).run_all(attempt)

    def _ready(self, order: Order, endpoint: Endpoint, until: float) -> Endpoint:
        handle = Handle.of(endpoint)
        return waiting.wait_for(
            self.api,
            order,
            endpoint,
            until - time.monotonic(),
            url=self.url,
            look=partial(self.world.look, self.api, handle),
            ordered_at=self._made_at(handle),
        )

    def _made_at(self, handle: Handle) -> float | None:
        """When the owner was made, where its pods are made after it."""
        if self.kind == "kubernetes":
            return None
        try:
            owner = self.api.get(self.world.owner_path(handle.namespace, handle.name))
        except ApiRefused as error:
            if error.status == 404:  # the first look will say so
                return None
            raise
        return epoch(owner["metadata"].get("creationTimestamp"))

    def _adopted(self, start: Start, order: Order, until: float) -> Endpoint | None:
        """The server of this or an earlier attempt that is the very same, once it is ready."""
        held = start.held()
        if held is None or not start.is_this(held):
            return None
        endpoint = self._endpoints(order).of(held)
        if watch.end_of(self.api, Handle.of(endpoint), FailureClass.STARTUP_CRASH):
            return None
        order.say(f"{held['kind']} {held['metadata']['name']} runs already: taking it over")
        try:
            going = not start.is_this(start.adopt(held))
        except ApiRefused as error:
            if error.status not in {404, 409}:
                raise
            going = True
        if going:  # whoever removes it was quicker
            return None
        try:
            return self._ready(order, endpoint, until)
        except TrialFailed as error:
            if error.failure.failure_class is FailureClass.INFRASTRUCTURE:
                raise
            order.say(f"it is of no use: {error.failure.reason}")
            return None

    def _endpoints(self, order: Order) -> Endpoints:
        return Endpoints(self.world, order, self._kubeconfig)

    def _removal(self, run: str, slot: int, namespace: str) -> Removal:
        return Removal(self.api, self.world, self._settings, namespace, run, slot)

    def _pod(self, handle: Handle) -> Json:
        if pod := watch.counting(pods_of(self.api, handle), handle):
            return pod
        reason = f"There is no pod behind {handle.name} in the namespace {handle.namespace}."
        raise TrialFailed(Failure(failure_class=FailureClass.INFRASTRUCTURE, reason=reason))

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            with reaching(self._where):
                yield
        except TaskError as error:
            failure = Failure(failure_class=FailureClass.INVALID_CONFIG, reason=str(error))
            raise TrialFailed(failure) from error


@contextmanager
def _uncharged() -> Iterator[None]:
    """Waiting for a cluster's room or image, or for its API server, is not the trial's."""
    try:
        yield
    except TrialFailed as error:
        error.started_at = error.started_at or math.inf
        raise
