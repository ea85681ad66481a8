"""A container as the endpoint that others see."""

from collections.abc import Mapping
from typing import Any

from airtune.launchers.docker.handle import Handle
from airtune.launchers.docker.spec import PORT
from airtune.launchers.launcher import Order
from airtune.records import Endpoint
from airtune.settings import DockerHost


def handle_of(inspected: Mapping[str, Any], order: Order, host: DockerHost) -> Handle:
    """The handle of a container that runs ``order``'s server."""
    name = str(inspected["Name"]).lstrip("/")
    return Handle(
        host=host.name,
        container=inspected["Id"],
        name=name,
        network=inspected["HostConfig"]["NetworkMode"],
        inside_url=f"http://{name}:{PORT}",
        engine=order.server.engine,
        health_path=order.server.health_path,
        log=str(order.log),
        argv=argv_of(inspected),
    )


def argv_of(inspected: Mapping[str, Any]) -> list[str]:
    """The whole command line, entrypoint first, as the engine will run or runs it."""
    return [inspected["Path"], *inspected["Args"]]


def endpoint_of(inspected: Mapping[str, Any], order: Order, host: DockerHost) -> Endpoint | None:
    """The endpoint of a running container; None while it has no published port and needs one."""
    handle = handle_of(inspected, order, host)
    url = handle.inside_url if host.network else _published(inspected, host)
    if url is None:
        return None
    return Endpoint(
        base_url=url,
        model_name=order.server.model_name,
        trial_id=order.trial_id,
        handle=handle.model_dump(),
    )


def _published(inspected: Mapping[str, Any], host: DockerHost) -> str | None:
    ports = inspected["NetworkSettings"].get("Ports") or {}
    bindings = ports.get(f"{PORT}/tcp") or []
    if not bindings:
        return None
    address = f"[{host.publish}]" if ":" in host.publish else host.publish
    return f"http://{address}:{bindings[0]['HostPort']}"
