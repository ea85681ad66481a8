"""Taking over a server that an earlier attempt of the slot has left running."""

from dataclasses import dataclass
from typing import Any

from airtune.errors import TrialFailed
from airtune.launchers.docker import names
from airtune.launchers.docker.endpoint import endpoint_of
from airtune.launchers.docker.lookup import containers_of
from airtune.launchers.docker.spec import ContainerSpec
from airtune.launchers.docker.waiting import wait_for
from airtune.launchers.launcher import Order
from airtune.records import Endpoint, FailureClass
from airtune.settings import DockerHost, Settings


@dataclass(frozen=True)
class Adoption:
    """Looking for the server of one order.

    Attributes:
        client: ``docker.APIClient``.
    """

    client: Any
    host: DockerHost
    settings: Settings
    order: Order

    def find(self, spec: ContainerSpec, patience_s: float) -> Endpoint | None:
        """The newest server of this or an earlier attempt that is ``spec``, once it is ready.

        A score belongs to the configuration that ran: command line, environment, limits, devices
        and the image's digest must be the very same.

        Returns:
            None when there is none; what else may run is the caller's to end.

        Raises:
            StillStarting: patience is over, its time is not.
            TrialFailed: ``infrastructure``.
        """
        order = self.order
        of_slot = {"run": names.run_hash(order.run), "slot": str(order.slot), "role": "server"}
        for one in containers_of(self.client, self.settings.installation, **of_slot):
            same = one.labels.get(names.SPEC) == spec.labels[names.SPEC]
            if not (same and one.running and one.attempt <= order.attempt):
                continue
            endpoint = endpoint_of(self.client.inspect_container(one.id), order, self.host)
            if endpoint is None:
                continue
            order.say(f"container {one.name} of an earlier attempt runs: taking it over")
            try:
                return wait_for(self.client, order, endpoint, patience_s)
            except TrialFailed as error:
                if error.failure.failure_class is FailureClass.INFRASTRUCTURE:
                    raise
                order.say(f"it is of no use: {error.failure.reason}")
        return None
