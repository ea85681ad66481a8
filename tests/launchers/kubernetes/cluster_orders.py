"""Orders for servers of the fake engine in pods, and what a fake cluster does with them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.launchers.docker.orders import READY, server

from airtune.launchers.kubernetes import paths
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.launcher import Order
from airtune.task.container import ContainerOptions
from airtune.task.kubernetes import KubernetesOptions
from airtune.task.model import Model
from airtune.testing.fake_cluster import FakeCluster

NAMESPACE = "tuning"
IN_IMAGE = Model(name="m", in_image="/models/m", namespace=NAMESPACE)
NO_GPU = KubernetesOptions(gpus=0)


def cluster_order(folder: Path, **changes: Any) -> Order:
    """An order with what does not matter filled in; its log is in the benchmark folder."""
    made = Order(
        run="dag/run",
        slot=0,
        attempt=1,
        generation=0,
        server=server(),
        model=IN_IMAGE,
        container=ContainerOptions(shm_size="64m"),
        readiness=READY,
        devices=(),
        log=folder / "benchmark_results" / "exp7" / "server.log",
        start_limit_s=5.0,
        pull_limit_s=5.0,
        trial_id=7,
        capacity_limit_s=5.0,
        kubernetes=NO_GPU,
    )
    return replace(made, **changes)


def run_pods(made: Json) -> None:
    """Every pod that is created runs at once."""
    if made["kind"] == "Pod":
        made["spec"]["nodeName"] = "node1"
        made["status"] = running(made)


def running(pod: Json) -> Json:
    """Status of a pod whose containers run since now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "phase": "Running",
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": now}],
        "containerStatuses": [
            {
                "name": one["name"],
                "ready": True,
                "restartCount": 0,
                "imageID": f"docker.io/{one['image']}@sha256:abc",
                "state": {"running": {"startedAt": now}},
            }
            for one in pod["spec"]["containers"]
        ],
    }


def ended(pod: Json, code: int = 1, at: str | None = None) -> Json:
    """Status of a pod whose container has ended, having started ``at``."""
    status = running(pod) | {"phase": "Failed"}
    over = {"exitCode": code, "reason": "Error", "startedAt": at, "finishedAt": None}
    status["containerStatuses"][0] |= {"state": {"terminated": over}, "ready": False}
    return status


def pod_path(cluster: FakeCluster) -> str:
    """Path of the only pod."""
    (pod,) = cluster.all("pods")
    return paths.pods(NAMESPACE, pod["metadata"]["name"])
