"""The launcher of servers as containers of one Docker Engine."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airtune.errors import TrialFailed
from airtune.launchers import probe
from airtune.launchers.cores import free_cpus
from airtune.launchers.docker.adopt import Adoption
from airtune.launchers.docker.client_container import end_clients
from airtune.launchers.docker.connect import engine_errors
from airtune.launchers.docker.endpoint import argv_of
from airtune.launchers.docker.handle import Handle
from airtune.launchers.docker.image import digest_of, ensure_image
from airtune.launchers.docker.remove import remove
from airtune.launchers.docker.server import Start
from airtune.launchers.docker.spec import container_spec
from airtune.launchers.docker.waiting import poll, wait_for
from airtune.launchers.docker.watch import end_of
from airtune.launchers.docker.weights import Fetch, fetch
from airtune.launchers.launcher import Order
from airtune.launchers.probe import Pending, Readiness
from airtune.launchers.set_aside import set_aside
from airtune.records import Device, Endpoint, Failure, FailureClass, ParamValue
from airtune.settings import DockerHost, Settings

if TYPE_CHECKING:
    import docker


class DockerLauncher:
    """Servers in containers of one engine, found again by their labels.

    Args:
        client: of that engine; logged in to the registry where that is needed.
        token: for the model hub; handed on to containers of hub models only.
    """

    def __init__(
        self,
        client: "docker.APIClient",
        host: DockerHost,
        settings: Settings,
        *,
        token: str | None = None,
    ) -> None:
        self._client: Any = client
        self._host = host
        self._settings = settings
        self._token = token

    def prepare(self, order: Order) -> None:
        """Pull the image and fetch a hub model's weights, where they are missing.

        Raises:
            TrialFailed: ``image``, ``invalid_config`` or ``infrastructure``.
        """
        if order.model.hub_id and order.server.engine == "llama_cpp":
            raise TrialFailed(_no_gguf(order.model.hub_id))
        with engine_errors(self._host.url):
            ensure_image(self._client, order.server.image, order.pull_limit_s, order.say)
            if order.model.hub_id and not order.model.in_image:
                fetch(self._fetch(order, order.model.hub_id))

    def ensure(self, order: Order, patience_s: float, expected: Endpoint | None = None) -> Endpoint:
        """A ready server: adopted or started, see ``Launcher``.

        Raises:
            TrialFailed: it did not become ready; the class says why.
            StillStarting: patience is over, its deadline is not.
        """
        until = time.monotonic() + patience_s
        with engine_errors(self._host.url):
            installation = self._settings.installation
            end_clients(self._client, installation, order.run, order.slot, order.attempt - 1)
            if expected is not None:
                return wait_for(self._client, order, expected, patience_s)
            image = ensure_image(self._client, order.server.image, order.pull_limit_s, order.say)
            spec = container_spec(
                order, self._host, self._settings, digest=digest_of(image), token=self._token
            )
            adoption = Adoption(self._client, self._host, self._settings, order)
            if adopted := adoption.find(spec, until - time.monotonic()):
                return adopted
            remove(self._client, installation, order.run, order.slot, order.attempt)
            set_aside(order.log, order.attempt)
            endpoint = Start(self._client, self._host, self._settings, order, spec).run()
            return wait_for(self._client, order, endpoint, until - time.monotonic())

    def poll(
        self, endpoint: Endpoint, readiness: Readiness, timeout_s: float
    ) -> Failure | Pending | None:
        """One look at a starting server: None when it is ready."""
        try:
            with engine_errors(self._host.url):
                return poll(self._client, endpoint, readiness, timeout_s)
        except TrialFailed as error:
            return error.failure

    def died(self, endpoint: Endpoint) -> Failure | None:
        """Why the server has ended (``infrastructure`` if that cannot be asked); None: it runs."""
        try:
            with engine_errors(self._host.url):
                return end_of(self._client, Handle.of(endpoint), FailureClass.UNHEALTHY)
        except TrialFailed as error:
            return error.failure

    def responds(self, endpoint: Endpoint) -> bool:
        """True if the server runs and answers one short completion."""
        if self.died(endpoint):
            return False
        readiness = Readiness(
            health_path=Handle.of(endpoint).health_path, model_name=endpoint.model_name
        )
        return probe.responds(endpoint.base_url, readiness)

    def argv(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The container's whole command line, entrypoint first, as the engine tells it.

        Raises:
            TrialFailed: ``infrastructure``: the engine or the container is not there.
        """
        return tuple(argv_of(self._inspect(endpoint)))

    def identity(self, endpoint: Endpoint) -> dict[str, ParamValue]:
        """Image (reference and digest), engine and host it runs on, and the container's id.

        Raises:
            TrialFailed: as ``argv``.
        """
        inspected = self._inspect(endpoint)
        with engine_errors(self._host.url):
            image = self._client.inspect_image(inspected["Image"])
            return {
                "image": inspected["Config"]["Image"],
                "image_digest": digest_of(image),
                "host": self._client.info()["Name"],
                "docker_version": self._client.version()["Version"],
                "container": inspected["Id"],
            }

    def started_at(self, endpoint: Endpoint) -> float:
        """0: it begins when it is ordered."""
        return 0.0

    def client_cpus(self, devices: tuple[Device, ...]) -> tuple[int, ...]:
        """Cores of the worker's host that are left to the client; with a remote engine: any."""
        return () if self._host.remote else free_cpus(devices, self._host.devices)

    def remove(self, run: str, slot: int, attempt: int) -> int:
        """End the slot's containers and network up to ``attempt``; how many ran.

        Raises:
            TrialFailed: ``infrastructure``: something could not be removed or asked for.
        """
        with engine_errors(self._host.url):
            return remove(self._client, self._settings.installation, run, slot, attempt)

    def _inspect(self, endpoint: Endpoint) -> Mapping[str, Any]:
        with engine_errors(self._host.url):
            found: Mapping[str, Any] = self._client.inspect_container(Handle.of(endpoint).container)
            return found

    def _fetch(self, order: Order, model: str) -> Fetch:
        return Fetch(
            client=self._client,
            host=self._host,
            settings=self._settings,
            model=model,
            image=order.server.image,
            environment=order.server.env,
            token=self._token,
            log=Path(order.log).with_name("fetch.log"),
            limit_s=order.pull_limit_s,
            say=order.say,
        )


def _no_gguf(hub_id: str) -> Failure:
    return Failure(
        failure_class=FailureClass.INVALID_CONFIG,
        reason=(
            f"llama.cpp serves a GGUF file, and {hub_id} is a hub's id: put the file under "
            "AIRTUNE_MODEL_ROOT on the engine's host and write its name in model.name, or use an "
            "image that has it (model.in_image)."
        ),
    )
