"""A server's order as the engine's words for its container; nothing is asked or started here."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from docker.types import DeviceRequest, LogConfig, Ulimit

from airtune.launchers.docker import names
from airtune.launchers.docker.mounts import CACHE_ENVIRONMENT, HUB_ENVIRONMENT, mounts_of
from airtune.launchers.launcher import Order
from airtune.records import Device
from airtune.records.server import PORT as PORT_MARK
from airtune.settings import DockerHost, Settings
from airtune.task.container import ContainerOptions

PORT = 8000
"""Inside the container, always: each has a network namespace of its own."""

_OWN_ENTRYPOINT = "llama_cpp"
"""Its public image has the program at a path of its own, as its entrypoint."""

_LOG_BOUNDS = {"max-size": "50m", "max-file": "3"}


@dataclass(frozen=True)
class ContainerSpec:
    """Keyword arguments of the SDK for one server.

    Attributes:
        network: name of the network it joins.
        create: of ``create_container``, without ``host_config``.
        host: of ``create_host_config``.
    """

    name: str
    network: str
    create: dict[str, Any]
    host: dict[str, Any]

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        labels: dict[str, str] = self.create["labels"]
        return labels


def container_spec(
    order: Order,
    host: DockerHost,
    settings: Settings,
    *,
    digest: str,
    token: str | None = None,
) -> ContainerSpec:
    """The container for ``order`` on ``host``.

    Args:
        digest: of the image that runs.
        token: for the model hub; only given to servers of hub models.
    """
    name = object_name(order, settings, "server")
    network = host.network or object_name(order, settings, "network")
    environment = _environment(order)
    create = {
        "image": order.server.image,
        "entrypoint": entrypoint_of(order),
        "command": command_of(order),
        "environment": environment,
        "ports": [PORT],
        "name": name,
    }
    limits = _host_config(order, host, settings, network, digest)
    more = {"spec": _hash(create, limits, digest), "trial": str(order.trial_id)}
    create["labels"] = names.labels_of(
        settings.installation,
        order.run,
        order.slot,
        order.attempt,
        "server",
        log=str(order.log),
        namespace=order.model.namespace,
        **more,
    )
    if token and order.model.hub_id:
        create["environment"] = {"HF_TOKEN": token} | environment
    return ContainerSpec(name, network, create, limits)


def object_name(order: Order, settings: Settings, role: str) -> str:
    """Name of the slot's ``server`` or ``network``."""
    return names.object_name(settings.installation, order.run, order.slot, role)


def entrypoint_of(order: Order) -> list[str] | None:
    """What replaces the image's entrypoint; None keeps it."""
    server = order.server
    return None if server.engine == _OWN_ENTRYPOINT else [server.program[0]]


def command_of(order: Order) -> list[str]:
    """The whole command line but for the entrypoint, the port in place."""
    server = order.server
    words = server.arguments
    if server.engine != _OWN_ENTRYPOINT:
        words = (*server.program[1:], *words)
    return [str(PORT) if word == PORT_MARK else word for word in words]


def cpuset_of(devices: tuple[Device, ...]) -> str | None:
    """The cores of the CPU devices as the engine writes them (``1,4-7``); None: any core."""
    sets = [device.indexes for device in devices if device.kind == "cpu"]
    words = [str(i[0]) if len(i) == 1 else f"{i[0]}-{i[-1]}" for i in sorted(sets)]
    return ",".join(words) or None


def _environment(order: Order) -> dict[str, str]:
    # The weights are mounted, in the image or fetched before: nothing is to be looked up in the
    # hub while devices are held. The task's own variables win.
    ours = {"HF_HUB_OFFLINE": "1"} | (CACHE_ENVIRONMENT if _compiles(order) else {})
    hub = HUB_ENVIRONMENT if order.model.hub_id else {}
    return ours | order.server.env | hub


def _compiles(order: Order) -> bool:
    return order.server.engine != "llama_cpp"


def _host_config(
    order: Order, host: DockerHost, settings: Settings, network: str, digest: str
) -> dict[str, Any]:
    options = order.container
    mounts = mounts_of(order.model, settings, digest=digest, compiles=_compiles(order))
    config: dict[str, Any] = {
        "network_mode": network,
        "mounts": mounts,
        "restart_policy": {"Name": "no"},
        "log_config": LogConfig(type="json-file", config=_LOG_BOUNDS),
        # Engines are trees of processes; and process 1 does not hear SIGTERM without a handler.
        "init": True,
        "security_opt": ["no-new-privileges"],
        "ipc_mode": options.ipc,
    }
    if not host.network:
        config["port_bindings"] = {PORT: (host.publish, None)}
    if options.ipc != "host":
        config["shm_size"] = options.shm_size
    if options.memory:
        # Without swap on top, so that the limit is one.
        config |= {"mem_limit": options.memory, "memswap_limit": options.memory}
    if cores := cpuset_of(order.devices):
        config["cpuset_cpus"] = cores
    gpus = sorted(str(i) for d in order.devices if d.kind == "gpu" for i in d.indexes)
    if gpus:
        config["device_requests"] = [DeviceRequest(device_ids=gpus, capabilities=[["gpu"]])]
    if limits := _ulimits(options, with_gpus=bool(gpus)):
        config["ulimits"] = limits
    return config


def _ulimits(options: ContainerOptions, *, with_gpus: bool) -> list[Ulimit]:
    """The defaults are for GPUs (pinned memory); an engine without rights could not set them."""
    if not with_gpus and options.ulimits == ContainerOptions().ulimits:
        return []
    return [Ulimit(name=name, soft=n, hard=n) for name, n in sorted(options.ulimits.items())]


def _hash(create: dict[str, Any], limits: dict[str, Any], digest: str) -> str:
    text = json.dumps([create, limits, digest], sort_keys=True)  # the SDK's types are dicts
    return hashlib.sha256(text.encode()).hexdigest()[:16]
