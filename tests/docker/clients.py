"""What the tests of the client's container share: a network, orders, a server to be measured."""

import json
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker import APIClient

from airtune.launchers.docker import names
from airtune.launchers.docker.client_container import ClientOrder
from airtune.records import Endpoint
from airtune.testing.docker_base import BASE
from airtune.testing.docker_images import build

INSTALLATION = f"t{uuid.uuid4().hex[:8]}"
"""Marks what this test process makes."""

RUN = "autotune_docker/manual"
INSIDE = Path("/airtune/point")


@contextmanager
def a_network(client: APIClient) -> Iterator[str]:
    """A bridge network; at the end it goes with all that this test process left in the engine."""
    network = client.create_network(f"airtune-{INSTALLATION}-net")["Id"]
    try:
        yield network
    finally:
        for one in ours(client):
            client.remove_container(one["Id"], force=True, v=True)
        client.remove_network(network)


def ours(client: APIClient, role: str | None = None) -> list[dict[str, Any]]:
    """This test process's containers, running or not."""
    labels = [f"{names.INSTALLATION}={INSTALLATION}"] + ([f"{names.ROLE}={role}"] if role else [])
    found: list[dict[str, Any]] = client.containers(all=True, filters={"label": labels})
    return found


def an_order(network: str, into: Path, script: str, **changes: Any) -> ClientOrder:
    """An order of a shell script instead of genai-bench."""
    fields: dict[str, Any] = {
        "engine": "the tests' engine",
        "installation": INSTALLATION,
        "run": RUN,
        "slot": 0,
        "attempt": 3,
        "trial_id": 1,
        "image": BASE,
        "argv": ("sh", "-c", script),
        "env": {},
        "network": network,
        "cpus": (),
        "put": {INSIDE: None},
        "fetch": INSIDE / "out",
        "into": into,
    }
    return ClientOrder(**(fields | changes))


@contextmanager
def a_server(client: APIClient, network: str, **behaviour: object) -> Iterator[Endpoint]:
    """The fake engine as SGLang on ``network``, published on loopback; ready."""
    image = build("airtune-test/fake-sglang:latest")
    name = names.object_name(INSTALLATION, RUN, 0, "server")
    arguments = ["--model-path", "x", "--served-model-name", "fake-x"]
    made = client.create_container(
        image=image,
        name=name,
        entrypoint=["python3"],
        command=["-m", "sglang.launch_server", *arguments, "--host", "0.0.0.0", "--port", "8000"],
        environment={"FAKE_ENGINE": json.dumps(behaviour)},
        labels=names.labels_of(INSTALLATION, RUN, 0, 3, "server"),
        ports=[8000],
        host_config=client.create_host_config(
            network_mode=network, port_bindings={8000: ("127.0.0.1", None)}
        ),
    )["Id"]
    try:
        client.start(made)
        port = client.inspect_container(made)["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostPort"]
        handle = {
            "v": 1, "launcher": "docker", "host": "", "container": made, "name": name,
            "network": network, "inside_url": f"http://{name}:8000",
        }  # fmt: skip
        endpoint = Endpoint(
            base_url=f"http://127.0.0.1:{port}", model_name="fake-x", trial_id=1, handle=handle
        )
        _wait_ready(endpoint)
        yield endpoint
    finally:
        client.remove_container(made, force=True, v=True)


def _wait_ready(endpoint: Endpoint, patience_s: float = 20.0) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + patience_s
    while True:
        try:
            opener.open(f"{endpoint.base_url}/health", timeout=2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
