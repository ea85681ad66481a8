"""Pods as a real cluster (v1.34.4) described them, each with its events and its log."""

import copy
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.events import Event, in_order
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.pods import PodState
from airtune.records import Endpoint
from airtune.testing.fake_cluster import FakeCluster

FOLDER = Path(__file__).with_name("recorded")
PODS = "/api/v1/namespaces/models/pods"
EVENTS = "/api/v1/namespaces/models/events"


@dataclass(frozen=True)
class Recording:
    """One pod.

    Attributes:
        told: its events, as JSON.
    """

    pod: Json
    told: list[Json]
    log: str

    @property
    def state(self) -> PodState:
        return PodState.of(self.pod, "server")

    @property
    def events(self) -> list[Event]:
        return in_order(Event.of(one) for one in self.told)

    def handle(self, **changes: Any) -> Handle:
        """The handle of a server of kubernetes mode in that pod."""
        metadata = self.pod["metadata"]
        fields = {
            "launcher": "kubernetes",
            "namespace": "models",
            "name": metadata["name"],
            "uid": metadata["uid"],
            "pods": f"case={metadata['name']}",
            "service": metadata["name"],
            "port": 8000,
            "container": "server",
            "engine": "sglang",
            "health_path": "/health",
            "log": "/runs/exp7/server.log",
        }
        return Handle(**(fields | changes))

    def endpoint(self, **changes: Any) -> Endpoint:
        handle = self.handle(**changes)
        return Endpoint(
            base_url=handle.inside_url,
            model_name="m",
            trial_id=7,
            handle=handle.model_dump(mode="json"),
        )

    def put_into(self, cluster: FakeCluster) -> None:
        """Have ``cluster`` tell this pod, its events and its log."""
        name = self.pod["metadata"]["name"]
        cluster.add(PODS, self.pod)
        for number, one in enumerate(self.told):
            cluster.add(EVENTS, {"metadata": {"name": f"{name}.{number}"}} | one)
        cluster.logs["models", name, "server"] = self.log


def recorded(name: str) -> Recording:
    """One of the files in ``recorded``."""
    found = copy.deepcopy(_read(name))
    return Recording(found["pod"], found["events"], found["log"])


@cache
def _read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())
