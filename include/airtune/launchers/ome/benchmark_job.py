"""One load point as OME's BenchmarkJob: what it asks for, and the object itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airtune.errors import TrialFailed
from airtune.launchers.kubernetes import names, paths
from airtune.launchers.kubernetes.api import Api, ApiRefused, Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.pod_values import tolerations_of
from airtune.launchers.kubernetes.templates import render
from airtune.launchers.ome.installed import JOB, SERVICE, VERSION, ome_path
from airtune.records import Failure, FailureClass
from airtune.task.kubernetes import ClientPod

_TEMPLATE = "ome/benchmark_job.yaml.j2"


@dataclass(frozen=True)
class JobOrder:
    """A load point to be measured.

    Attributes:
        server: that is measured; everything goes when that goes.
        installation, run, slot, attempt, trial_id: whose it is; a later attempt ends it.
        task: genai-bench's.
        scenario, concurrency: the load point.
        minutes, requests: genai-bench's own limits.
        claim, inside: where it writes: PVC, and folder on it that is the task's (may be empty).
        leaf: this call's own folder below that; begins with the BenchmarkJob's name.
        folder, into: what it leaves below ``leaf``, and where that goes on this host.
        image: genai-bench's, with ``tar`` and ``find``.
        env: all that is added to the client's environment.
        client: what the task asks of its pod.
        capacity_limit_s, pull_limit_s: for a node, and for the image.
        is_current: False once a newer attempt has entered: then nothing may be started.
    """

    server: Handle
    installation: str
    run: str
    slot: int
    attempt: int
    trial_id: int
    task: str
    scenario: str
    concurrency: int
    minutes: int
    requests: int
    claim: str
    inside: str
    leaf: str
    folder: str
    into: Path
    image: str
    env: Mapping[str, str]
    client: ClientPod
    capacity_limit_s: float
    pull_limit_s: float
    is_current: Callable[[], bool] = field(default=lambda: True)

    @property
    def namespace(self) -> str:
        """The server's."""
        return self.server.namespace

    @property
    def name(self) -> str:
        """The BenchmarkJob's, its Job's, and where ``leaf`` begins: the same for all attempts."""
        return client_name(self.installation, self.run, self.slot)

    @property
    def output(self) -> str:
        """This call's folder on the claim."""
        return f"{self.inside}/{self.leaf}" if self.inside else self.leaf

    @property
    def path(self) -> str:
        """REST path of the BenchmarkJob."""
        return ome_path(JOB, self.namespace, self.name)


def client_name(installation: str, run: str, slot: int) -> str:
    """The name that the clients of a slot have."""
    return names.object_name(installation, run, slot, "client")


def metadata_of(order: JobOrder, name: str) -> Json:
    """Metadata of an object that belongs to this call and goes with its server."""
    return {
        "name": name,
        "namespace": order.namespace,
        "labels": names.labels_of(
            order.installation, order.run, order.slot, order.attempt, "client", order.trial_id
        ),
        "annotations": names.annotations_of(order.installation, order.run),
        "ownerReferences": [
            {
                "apiVersion": VERSION,
                "kind": SERVICE,
                "name": order.server.name,
                "uid": order.server.uid,
            }
        ],
    }


def manifest(order: JobOrder) -> Json:
    """The BenchmarkJob."""
    client, metadata = order.client, metadata_of(order, order.name)
    amounts = {"requests": dict(client.requests), "limits": dict(client.limits)}
    values = {
        "name": order.name,
        "namespace": order.namespace,
        "labels": metadata["labels"],
        "annotations": metadata["annotations"],
        "owners": metadata["ownerReferences"],
        "service": order.server.name,
        "task": order.task,
        "scenario": order.scenario,
        "concurrency": order.concurrency,
        "minutes": order.minutes,
        "requests": order.requests,
        "folder": order.folder,
        "output": f"pvc://{order.claim}/{order.output}",
        "image": order.image,
        "env": [{"name": name, "value": value} for name, value in order.env.items()],
        "resources": {part: amount for part, amount in amounts.items() if amount},
        "node_selector": dict(client.node_selector),
        "tolerations": tolerations_of(client.tolerations),
    }
    (made,) = render(_TEMPLATE, values)
    return made


def create_job(api: Api, order: JobOrder) -> None:
    """Make the BenchmarkJob; those of earlier attempts have been removed before.

    Raises:
        ApiRefused: the API server refused it.
        TrialFailed: ``invalid_config``: the claim is not there, for which OME waits for ever;
            ``cancelled``: a newer attempt has one; ``infrastructure``: a stranger has the name.
    """
    _require_claim(api, order)
    try:
        api.post(ome_path(JOB, order.namespace), manifest(order), fieldValidation="Strict")
    except ApiRefused as error:
        if error.status != 409:
            raise
        raise TrialFailed(_taken(api, order)) from error


def _require_claim(api: Api, order: JobOrder) -> None:
    try:
        api.get(paths.path_of("v1", "PersistentVolumeClaim", order.namespace, order.claim))
    except ApiRefused as error:
        if error.status != 404:
            raise
        reason = (
            f"There is no PersistentVolumeClaim {order.claim} in the namespace {order.namespace} "
            "for the results: create it, or name another one in ome.output_claim."
        )
        failure = Failure(failure_class=FailureClass.INVALID_CONFIG, reason=reason)
        raise TrialFailed(failure) from error


def _taken(api: Api, order: JobOrder) -> Failure:
    metadata = api.get(order.path)["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    ours = annotations.get(names.RUN_ID) == order.run
    if ours and int(labels.get(names.ATTEMPT) or 0) > order.attempt:
        reason = "A newer attempt of this slot already runs its client."
        return Failure(failure_class=FailureClass.CANCELLED, reason=reason)
    return Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason=f"A BenchmarkJob named {order.name} that is not this attempt's is in the namespace "
        f"{order.namespace}: remove or rename it.",
    )
