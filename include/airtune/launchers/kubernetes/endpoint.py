"""An owner in the cluster as the endpoint that others see."""

from dataclasses import dataclass

from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.world import World
from airtune.launchers.launcher import Order
from airtune.records import Endpoint


@dataclass(frozen=True)
class Endpoints:
    """Makes endpoints of one order's server.

    Attributes:
        kubeconfig: the one that the task has named; empty: the installation's own access.
    """

    world: World
    order: Order
    kubeconfig: str = ""

    def of(self, owner: Json, *, quota: str = "", since: float = 0.0) -> Endpoint:
        """The endpoint of ``owner``; of a manifest that is not created yet, one without uid.

        Args:
            quota: the refusal of the quota that does not let it be created.
            since: epoch seconds at which that began.
        """
        order, metadata = self.order, owner["metadata"]
        service, port = self.world.service(owner)
        handle = Handle(
            launcher=self.world.kind,
            kubeconfig=self.kubeconfig,
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata.get("uid", ""),
            pods=self.world.pods(owner),
            service=service,
            port=port,
            container=self.world.container,
            engine=order.server.engine,
            health_path=order.server.health_path,
            log=str(order.log),
            gpu_label=order.kubernetes.gpu_product_label,
            quota=quota,
            since=since,
        )
        return Endpoint(
            base_url=handle.inside_url,
            model_name=order.server.model_name,
            trial_id=order.trial_id,
            handle=handle.model_dump(),
        )
