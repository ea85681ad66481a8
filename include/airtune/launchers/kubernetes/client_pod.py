"""The pod of one call of the benchmark client, without the side-car that the provider adds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.task.kubernetes import ClientPod, KubernetesOptions

CONTAINER = "client"
SIDE_CAR = "airflow-xcom-sidecar"
FILES = "files"
"""The containers: genai-bench; the provider's, which keeps its files readable after its end; and
the one before both that takes what it needs from this host."""

XCOM = Path("/airflow/xcom")
"""Where the provider's volume is mounted."""

POINT = XCOM / "point"
"""The load point's folder, as the client in a pod sees it."""

GIVEN = Path("/airtune")
"""What comes from this host lies below; the client can only read it."""

TOKEN_FILE = GIVEN / "hub" / "token"
COMPLETE = GIVEN / ".complete"

SIDE_CAR_IMAGE = "alpine:3.24.2"
"""The provider's; ``AIRTUNE_XCOM_IMAGE`` names another one."""

_WAIT = 'until [ -e "$0" ]; do sleep 0.1; done'
_SMALL = {"cpu": "1m", "memory": "10Mi"}
_RESERVED = {"cpu": "100m", "memory": "64Mi"}
_OWNERS = {"kubernetes": ("v1", "Pod"), "ome": ("ome.io/v1beta1", "InferenceService")}


@dataclass(frozen=True)
class ClientPodOrder:
    """A client to be run to its end.

    Attributes:
        server: that it measures; the pod goes when that goes.
        installation, run, slot, attempt, trial_id: whose it is; a later attempt ends it.
        image: genai-bench's.
        helper_image: with ``sh`` and ``tar``, for the containers beside the client's.
        argv: its whole command line; the image's entrypoint is not used.
        env: all that is added to the image's environment.
        options: what the task asks of pods.
        put: folders it needs, as ``pack`` takes them, all below ``GIVEN`` or ``XCOM``.
        fetch, into: what it leaves, and where that goes on this host.
        pending_limit_s: for a node and the images.
        deadline_s: after so long the cluster ends the pod by itself.
        hub_token: of this host, for a tokenizer; it is put there as a file.
        is_current: False once a newer attempt has entered: then nothing may be started.
    """

    server: Handle
    installation: str
    run: str
    slot: int
    attempt: int
    trial_id: int
    image: str
    helper_image: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    options: KubernetesOptions
    put: Mapping[Path, Path | None]
    fetch: Path
    into: Path
    pending_limit_s: float
    deadline_s: int
    hub_token: str | None = field(default=None, repr=False)
    is_current: Callable[[], bool] = field(default=lambda: True)

    @property
    def namespace(self) -> str:
        """The server's."""
        return self.server.namespace

    @property
    def name(self) -> str:
        """The pod's name, the same for all clients of the slot."""
        return names.object_name(self.installation, self.run, self.slot, "client")


def client_pod(order: ClientPodOrder) -> Json:
    """The manifest. It mounts the volume ``xcom``, which comes with the provider's side-car."""
    options, client = order.options, order.options.client
    spec: Json = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "activeDeadlineSeconds": order.deadline_s,
        "initContainers": [_files(order)],
        "containers": [_client(order)],
        "volumes": [{"name": "given", "emptyDir": {}}],
    }
    if client.node_selector:
        spec["nodeSelector"] = dict(client.node_selector)
    if client.tolerations:
        spec["tolerations"] = [one.model_dump(exclude_none=True) for one in client.tolerations]
    if options.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in options.image_pull_secrets]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": _metadata(order), "spec": spec}


def helper_resources(client: ClientPod) -> Json:
    """Resources of the containers beside the client's.

    A client that reserves its cores only does so if every container of its pod has limits.
    """
    if _reserves(client):
        return {"requests": dict(_RESERVED), "limits": dict(_RESERVED)}
    return {"requests": dict(_SMALL)}


def _reserves(client: ClientPod) -> bool:
    limits = client.limits
    return {"cpu", "memory"} <= set(limits) and client.requests.items() <= limits.items()


def _metadata(order: ClientPodOrder) -> Json:
    version, kind = _OWNERS[order.server.launcher]
    return {
        "name": order.name,
        "namespace": order.namespace,
        "labels": names.labels_of(
            order.installation, order.run, order.slot, order.attempt, "client", order.trial_id
        ),
        "annotations": names.annotations_of(order.installation, order.run),
        "ownerReferences": [
            {
                "apiVersion": version,
                "kind": kind,
                "name": order.server.name,
                "uid": order.server.uid,
            }
        ],
    }


def _files(order: ClientPodOrder) -> Json:
    return {
        "name": FILES,
        "image": order.helper_image,
        "imagePullPolicy": order.options.image_pull_policy,
        "command": ["sh", "-c", _WAIT, str(COMPLETE)],
        "resources": helper_resources(order.options.client),
        "securityContext": _unprivileged(),
        "volumeMounts": [
            {"name": "given", "mountPath": str(GIVEN)},
            {"name": "xcom", "mountPath": str(XCOM)},
        ],
    }


def _client(order: ClientPodOrder) -> Json:
    client = order.options.client
    resources = {"requests": dict(client.requests), "limits": dict(client.limits)}
    return {
        "name": CONTAINER,
        "image": order.image,
        "imagePullPolicy": order.options.image_pull_policy,
        "command": [_literal(word) for word in order.argv],
        "env": _environment(order),
        "resources": {key: value for key, value in resources.items() if value},
        "securityContext": _unprivileged(),
        "volumeMounts": [{"name": "given", "mountPath": str(GIVEN), "readOnly": True}],
    }


def _environment(order: ClientPodOrder) -> list[dict[str, Any]]:
    env: list[dict[str, Any]] = [
        {"name": name, "value": _literal(value)} for name, value in order.env.items()
    ]
    secret = order.options.hf_token_secret
    if secret is not None:
        reference = {"name": secret.name, "key": secret.key}
        env.append({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}})
    elif order.hub_token is not None:
        env.append({"name": "HF_TOKEN_PATH", "value": str(TOKEN_FILE)})
    return env


def _literal(text: str) -> str:
    """Kubernetes puts in variables for ``$(NAME)`` and makes one dollar of two."""
    return text.replace("$", "$$")


def _unprivileged() -> Json:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
