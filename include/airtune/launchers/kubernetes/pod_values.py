"""A server's order as the values that the pod's template may use; nothing is asked here."""

from pathlib import PurePosixPath
from typing import Any

from airtune.launchers.kubernetes import names
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.launcher import Order
from airtune.records.server import PORT as PORT_MARK
from airtune.settings import Settings
from airtune.task.kubernetes import Claim, KubernetesOptions, Toleration

MODEL = "/model"
"""Where the model is mounted."""

HUB_CACHE = "/root/.cache/huggingface"

_OWN_ENTRYPOINT = "llama_cpp"
"""Its public image has the program at a path of its own, as its entrypoint."""

_SIZES = {"b": "", "k": "Ki", "m": "Mi", "g": "Gi"}


def pod_values(order: Order, settings: Settings) -> dict[str, Any]:
    """Everything that ``engine_pod.yaml.j2`` and templates like it may use; JSON values."""
    options, gpus = order.kubernetes, gpus_of(order)
    mounts = [*_model(order, settings), *_shared_memory(order)]
    return {
        "name": names.object_name(settings.installation, order.run, order.slot, "server"),
        "namespace": order.model.namespace,
        "image": order.server.image,
        "image_pull_policy": options.image_pull_policy,
        "image_pull_secrets": [{"name": name} for name in options.image_pull_secrets],
        "command": list(command_of(order)),
        "args": list(args_of(order)),
        "env": env_of(order),
        "port": names.PORT,
        "health_path": order.server.health_path,
        "gpus": gpus,
        "resources": resources_of(options, gpus),
        "node_selector": node_selector_of(options, gpus),
        "tolerations": tolerations_of(options.tolerations),
        "volumes": [volume for volume, _ in mounts],
        "volume_mounts": [mount for _, mount in mounts],
    }


def gpus_of(order: Order) -> int:
    """How many GPUs the server asks for."""
    if order.kubernetes.gpus is not None:
        return order.kubernetes.gpus
    return 0 if order.server.engine == "llama_cpp" else order.server.devices


def command_of(order: Order) -> tuple[str, ...]:
    """What replaces the image's entrypoint; empty keeps it."""
    return () if order.server.engine == _OWN_ENTRYPOINT else order.server.program


def args_of(order: Order) -> tuple[str, ...]:
    """The arguments, the port in place. ``$(NAME)`` in them is Kubernetes' to expand."""
    words = order.server.arguments
    return tuple(str(names.PORT) if word == PORT_MARK else word for word in words)


def resources_of(options: KubernetesOptions, gpus: int) -> dict[str, dict[str, str]]:
    """Requests and limits, GPUs included."""
    gpu = {options.gpu_resource: str(gpus)} if gpus else {}
    return {"requests": dict(options.requests), "limits": dict(options.limits) | gpu}


def node_selector_of(options: KubernetesOptions, gpus: int) -> dict[str, str]:
    """The task's labels, and the one GPU product of the study for servers with GPUs."""
    product = options.gpu_product if gpus else None
    pinned = {options.gpu_product_label: product} if product else {}
    return dict(options.node_selector) | pinned


def tolerations_of(tolerations: list[Toleration]) -> list[Json]:
    """As the API writes them."""
    return [one.model_dump(exclude_none=True) for one in tolerations]


def env_of(order: Order) -> list[Json]:
    """Environment of the server; a token is only named, the kubelet reads it."""
    hub = order.model.hub_id and not order.model.in_image
    # Weights are mounted or in the image: nothing is to be looked up in the hub while it starts.
    ours = {"HF_HOME": HUB_CACHE} if hub else {"HF_HUB_OFFLINE": "1"}
    literal = ours | order.server.env
    found: list[Json] = [{"name": name, "value": value} for name, value in sorted(literal.items())]
    secret = order.kubernetes.hf_token_secret
    if hub and secret and "HF_TOKEN" not in literal:
        source = {"secretKeyRef": {"name": secret.name, "key": secret.key}}
        found.append({"name": "HF_TOKEN", "valueFrom": source})
    return found


def _model(order: Order, settings: Settings) -> list[tuple[Json, Json]]:
    model, options = order.model, order.kubernetes
    if model.in_image:
        return []
    if model.hub_id:
        cache: Json = {"name": "hub-cache", "mountPath": HUB_CACHE}
        if options.hub_cache_claim is None:
            return [({"name": "hub-cache", "emptyDir": {}}, cache)]
        return [_claimed("hub-cache", options.hub_cache_claim, cache, read_only=False)]
    if options.model_claim is not None:
        inside = options.model_claim.sub_path or ""
        mount: Json = {"name": "model", "mountPath": _target(inside), "readOnly": True}
        return [_claimed("model", options.model_claim, mount, read_only=True)]
    path = PurePosixPath(model.root or settings.model_root) / (model.id_or_path or model.name)
    kind = "File" if _is_file(str(path)) else "Directory"
    volume = {"name": "model", "hostPath": {"path": str(path), "type": kind}}
    return [(volume, {"name": "model", "mountPath": _target(str(path)), "readOnly": True})]


def _claimed(name: str, claim: Claim, mount: Json, *, read_only: bool) -> tuple[Json, Json]:
    source = {"claimName": claim.claim, "readOnly": read_only}
    inside: Json = {"subPath": claim.sub_path} if claim.sub_path else {}
    return {"name": name, "persistentVolumeClaim": source}, mount | inside


def _target(path: str) -> str:
    return f"{MODEL}/{PurePosixPath(path).name}" if _is_file(path) else MODEL


def _is_file(path: str) -> bool:
    return path.lower().endswith(".gguf")


def _shared_memory(order: Order) -> list[tuple[Json, Json]]:
    """Engines on several GPUs exchange tensors there; a pod has 64 MiB by itself."""
    if not gpus_of(order):
        return []
    size = order.container.shm_size
    limit = size[:-1] + _SIZES[size[-1]]
    volume = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": limit}}
    return [(volume, {"name": "shm", "mountPath": "/dev/shm"})]  # noqa: S108
