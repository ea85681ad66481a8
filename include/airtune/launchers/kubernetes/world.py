"""What differs between a server as a pod and a server as an InferenceService."""

from typing import Literal, Protocol

from airtune.launchers.kubernetes.api import Api, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.launcher import Order
from airtune.launchers.probe import Pending
from airtune.records import Failure


class World(Protocol):
    """Strategy of ``ClusterLauncher``: which objects a server is made of, and how they are read.

    Attributes:
        kind: the launcher's name.
        container: name of the server's container in its pods.
    """

    kind: Literal["kubernetes", "ome"]
    container: str

    def prepare(self, api: Api, order: Order) -> None:
        """Make what servers share, before the lease.

        Raises:
            ApiRefused: turned into a failure by the launcher.
            TrialFailed: something that is needed is not there.
        """

    def objects(self, api: Api, order: Order) -> list[Json]:
        """Complete manifests of the server: namespace, name, labels, annotations.

        The first one is the owner; the launcher gives the others an ``ownerReferences`` to it.
        No manifest depends on the attempt, its labels' ``ATTEMPT`` apart: the same order gives
        the same server.

        Raises:
            TaskError: the template cannot be used.
            TrialFailed: ``invalid_config``: they cannot be made from the task.
            ApiRefused: something they are made from could not be read.
        """

    def pods(self, owner: Json) -> str:
        """Label selector of the pods behind ``owner``."""

    def service(self, owner: Json) -> tuple[str, int]:
        """Host name (without the namespace) and port of the Service in front of ``owner``."""

    def look(self, api: Api, handle: Handle) -> Failure | Pending | None:
        """The owner's own conditions, beside its pods; None: nothing against it."""

    def argv(self, api: Api, handle: Handle, pod: Json) -> tuple[str, ...]:
        """The command line of the server in ``pod``, as the cluster tells it."""

    def owner_path(self, namespace: str, name: str = "") -> str:
        """REST path of one owner, or of all in the namespace; empty namespace: in all of them."""
