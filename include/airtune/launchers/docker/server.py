"""Making and starting a slot's container, fenced against other attempts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, NotFound

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker.connect import said
from airtune.launchers.docker.endpoint import endpoint_of, handle_of
from airtune.launchers.docker.lookup import Found, containers_of, networks_of
from airtune.launchers.docker.refusal import refused
from airtune.launchers.docker.remove import remove, remove_container
from airtune.launchers.docker.spec import ContainerSpec, object_name
from airtune.launchers.docker.watch import end_of
from airtune.launchers.launcher import Order
from airtune.records import Endpoint, Failure, FailureClass
from airtune.settings import DockerHost, Settings

_CONFLICT = 409


@dataclass(frozen=True)
class Start:
    """One start of one server.

    Attributes:
        client: ``docker.APIClient``.
    """

    client: Any
    host: DockerHost
    settings: Settings
    order: Order
    spec: ContainerSpec

    def run(self) -> Endpoint:
        """Make the container and start it; it is not ready yet.

        Raises:
            TrialFailed: the engine refuses (class by its words), the server ended at once, or
                ``cancelled``: a newer attempt has entered.
        """
        self._require_current()
        try:
            container = self.create()
            self._require_current()
            self.client.start(container)
            self._require_current()
        except APIError as error:
            raise refused(said(error), self.host.url) from error
        except TrialFailed:
            order = self.order
            remove(self.client, self.settings.installation, order.run, order.slot, order.attempt)
            raise
        return self._endpoint(container)

    def create(self) -> str:
        """Make network and container, do not start it; returns the container's id.

        Raises:
            TrialFailed: as ``run``.
        """
        try:
            if not self.host.network:
                self._make_network()
            limits = self.client.create_host_config(**self.spec.host)
            try:
                return self._create(limits)
            except APIError as error:
                if error.status_code != _CONFLICT:
                    raise
            self._free_name()
            return self._create(limits)
        except APIError as error:
            raise refused(said(error), self.host.url) from error

    def _create(self, limits: Any) -> str:
        made: Mapping[str, Any] = self.client.create_container(
            host_config=limits, **self.spec.create
        )
        return str(made["Id"])

    def _make_network(self) -> None:
        """A network of this attempt: an older one's is removed by that attempt's clean-up."""
        order, client = self.order, self.client
        installation = self.settings.installation
        of_slot = {"run": names.run_hash(order.run), "slot": str(order.slot)}
        for old in networks_of(client, installation, **of_slot):
            if old.attempt >= order.attempt:
                return
            client.remove_network(old.id)
        labels = names.labels_of(installation, order.run, order.slot, order.attempt, "network")
        name = object_name(order, self.settings, "network")
        client.create_network(name, driver="bridge", labels=labels, check_duplicate=True)

    def _free_name(self) -> None:
        """Remove what holds the name if it is an older attempt's of ours.

        Raises:
            TrialFailed: ``infrastructure``: it is foreign; ``cancelled``: a newer attempt's.
        """
        order = self.order
        try:
            held = self.client.inspect_container(self.spec.name)
        except NotFound:
            return
        of_slot = {"run": names.run_hash(order.run), "slot": str(order.slot), "role": "server"}
        ours = containers_of(self.client, self.settings.installation, **of_slot)
        found = next((one for one in ours if one.id == held["Id"]), None)
        if found is None:
            raise _failed(
                FailureClass.INFRASTRUCTURE,
                f"A container named {self.spec.name} ({held['Id'][:12]}) that is not this "
                f"airtune's is on {self.host.url}: remove or rename it.",
            )
        self._require_older(found)
        remove_container(self.client, found)

    def _require_older(self, found: Found) -> None:
        if found.attempt > self.order.attempt:
            raise _cancelled()

    def _require_current(self) -> None:
        if not self.order.is_current():
            raise _cancelled()

    def _endpoint(self, container: str) -> Endpoint:
        inspected = self.client.inspect_container(container)
        endpoint = endpoint_of(inspected, self.order, self.host)
        if endpoint is not None:
            return endpoint
        handle = handle_of(inspected, self.order, self.host)
        failure = end_of(self.client, handle, FailureClass.STARTUP_CRASH)
        if failure is not None:
            raise TrialFailed(failure)
        raise _failed(
            FailureClass.INFRASTRUCTURE,
            f"The engine at {self.host.url} has published no port of {handle.name} on "
            f"{self.host.publish}.",
        )


def _cancelled() -> TrialFailed:
    reason = "Nothing more is started here: the slot was cleaned up or a newer attempt took over."
    return _failed(FailureClass.CANCELLED, reason)


def _failed(failure_class: FailureClass, reason: str) -> TrialFailed:
    return TrialFailed(Failure(failure_class=failure_class, reason=reason))
