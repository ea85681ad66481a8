"""A cluster by Airflow's connection (AIRTUNE_KUBERNETES_CONN_ID), as the operators open it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.kubernetes

CONNECT = """
import asyncio, json
from airtune.launchers.kubernetes.access import connect, place
from airtune.launchers.kubernetes.sockets import Sockets
from airtune.launchers.opening import opened
from airtune.operators.cluster_connection import use_connections
from airtune.settings import Settings

use_connections()
settings, path = Settings.load(), "/api/v1/namespaces"

async def by_socket(api):
    async with Sockets.of(api) as sockets:
        return (await sockets.get(path))["kind"]

with connect(settings) as api:
    listed = api.get(path)
    version = listed["metadata"]["resourceVersion"]
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    who = api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    list(api.watch(path, 1, resourceVersion=version))  # it is allowed, and ends by itself
    found = {
        "listed": listed["kind"],
        "who": who["status"]["userInfo"]["username"],
        "by_socket": asyncio.run(by_socket(api)),
        "place": place(settings),
    }
with opened("kubernetes", settings, namespace="default") as launcher:
    found["removed"] = launcher.remove("dag/run", 0, 1)
print("FOUND " + json.dumps(found))
"""


def _run(tmp_path: Path, connection: dict[str, object]) -> str:
    """What a process with that connection says, which has no other way to a cluster."""
    ours = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path / 'airflow.db'}",
        "AIRFLOW_CONN_LAB": json.dumps({"conn_type": "kubernetes"} | connection),
        "AIRTUNE_HOME": str(tmp_path),
        "AIRTUNE_KUBERNETES_CONN_ID": "lab",
        "HOME": str(tmp_path),
    }
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    argv = [sys.executable, "-c", CONNECT]
    done = subprocess.run(argv, env=kept | ours, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


@pytest.mark.parametrize("how", ["kube_config_path", "kube_config"])
def test_everything_works_through_an_airflow_connection(
    how: str, kubeconfig: Path, tmp_path: Path
) -> None:
    document = yaml.safe_load(kubeconfig.read_text())
    extra = {"kube_config_path": str(kubeconfig), "kube_config": json.dumps(document)}
    said = _run(tmp_path, {"extra": {how: extra[how]}})
    told = [line for line in said.splitlines() if line.startswith("FOUND ")]
    assert told, said
    found = json.loads(told[0].removeprefix("FOUND "))
    assert found.pop("who")
    assert found == {
        "listed": "NamespaceList",
        "by_socket": "NamespaceList",
        "place": "the cluster of connection lab",
        "removed": 0,
    }


@pytest.mark.parametrize("connection", [{"conn_type": "http"}, {"extra": {"kube_config": "{}"}}])
def test_a_connection_that_gives_no_cluster_is_named_without_what_it_holds(
    connection: dict[str, object], tmp_path: Path
) -> None:
    said = _run(tmp_path, connection | {"password": "hidden-word"})
    assert "The Airflow connection lab (AIRTUNE_KUBERNETES_CONN_ID) gives no access" in said
    assert "hidden-word" not in said
