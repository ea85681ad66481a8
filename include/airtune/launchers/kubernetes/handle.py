"""What the Kubernetes and OME launchers remember of a server: the handle of its endpoint."""

from typing import Literal, Self

from airtune.records import Endpoint, Record


class Handle(Record):
    """``Endpoint.handle`` of a server in a cluster.

    Attributes:
        v: version of this form.
        launcher: whose it is.
        kubeconfig: the one that the task has named; empty: the installation's own access.
        namespace: of all objects.
        name: of the pod and its Service (kubernetes), or of the InferenceService (ome).
        uid: of that pod or InferenceService; empty while a quota does not let it be created.
        pod: uid of the pod that became ready (ome; in kubernetes mode it is ``uid``).
        pods: label selector of the pods behind it.
        service: host name of the Service, without the namespace.
        port: of Service and container.
        container: the server's container in its pods.
        engine: whose log it writes.
        health_path: answers 200 once the model is loaded.
        log: file of the worker for its output.
        gpu_label: label of nodes that names their GPUs' product.
        quota: with an empty uid the API server's refusal, which names the quota.
        since: with an empty uid when it was first refused, epoch seconds.
        phase: what it was waiting for (``phases.Phase``) when a process stopped waiting for it.
    """

    v: int = 1
    launcher: Literal["kubernetes", "ome"]
    kubeconfig: str = ""
    namespace: str
    name: str
    uid: str
    pod: str = ""
    pods: str
    service: str
    port: int
    container: str
    engine: str
    health_path: str
    log: str
    gpu_label: str = "nvidia.com/gpu.product"
    quota: str = ""
    since: float = 0.0
    phase: str = ""

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """The handle of an endpoint that one of these launchers made.

        Raises:
            ValueError: it is another launcher's.
        """
        return cls.model_validate(endpoint.handle)

    @property
    def inside_url(self) -> str:
        """Where the server answers inside the cluster."""
        return f"http://{self.service}.{self.namespace}.svc:{self.port}"
