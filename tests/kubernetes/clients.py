"""What the tests of the client beside a cluster share: a namespace, a server, the operator."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.operator import ExecutorSafeguard
from kubernetes.client import CoreV1Api

from airtune.launchers.kubernetes import names, paths
from airtune.launchers.kubernetes.access import connect
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json
from airtune.launchers.kubernetes.client_call import ClientCall
from airtune.launchers.kubernetes.forward import is_ready
from airtune.launchers.kubernetes.handle import Handle
from airtune.operators.benchmark_kubernetes import BenchmarkKubernetes
from airtune.records import Endpoint
from airtune.settings import Settings

INSTALLATION = f"t{uuid.uuid4().hex[:8]}"
"""Marks what this test process makes."""

RUN = "autotune_kubernetes/manual__2026-11-24T12:00:00+00:00"
ARGS = ["--model-path", "x", "--served-model-name", "fake-x", "--host", "0.0.0.0"]
SELECTOR = {names.INSTALLATION: INSTALLATION, names.ROLE: "server"}


def settings_of(kubeconfig: str) -> Settings:
    """This host's, with that cluster."""
    return Settings.load(
        {**os.environ, "AIRTUNE_KUBECONFIG": kubeconfig, "AIRTUNE_INSTALLATION": INSTALLATION}
    )


def the_settings() -> Settings:
    """With the tests' cluster."""
    kubeconfig = os.environ.get("AIRTUNE_TEST_KUBECONFIG")
    if not kubeconfig:
        pytest.fail("No cluster: name a kubeconfig in AIRTUNE_TEST_KUBECONFIG, or PROVISION=1.")
    return settings_of(kubeconfig)


@contextmanager
def a_cluster() -> Iterator[ClusterApi]:
    """The tests' cluster, asked once, not again and again."""
    with connect(the_settings(), patience_s=0) as api:
        yield api


@contextmanager
def a_namespace(api: ClusterApi) -> Iterator[str]:
    """One of its own, which goes with all that is in it."""
    made = api.post("/api/v1/namespaces", {"metadata": {"generateName": "airtune-client-"}})
    name = str(made["metadata"]["name"])
    try:
        # Before that no pod can be created there.
        _until_there(api, f"/api/v1/namespaces/{name}/serviceaccounts/default")
        yield name
    finally:
        api.delete(f"/api/v1/namespaces/{name}")


def _until_there(api: ClusterApi, path: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            api.get(path)
            return
        except ApiRefused as error:
            if error.status != 404 or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@contextmanager
def a_server(api: ClusterApi, namespace: str, **behaviour: object) -> Iterator[Endpoint]:
    """The fake engine as SGLang in a pod with a Service in front; ready."""
    pod = start_server(api, namespace, **behaviour)
    name = pod["metadata"]["name"]
    api.post(paths.services(namespace), a_service(name))
    handle = Handle(
        launcher="kubernetes", namespace=namespace, name=name, uid=pod["metadata"]["uid"],
        pods=",".join(f"{key}={value}" for key, value in SELECTOR.items()), service=name,
        port=names.PORT, container="server", engine="sglang", health_path="/health", log="",
    )  # fmt: skip
    try:
        yield Endpoint(
            base_url=handle.inside_url,
            model_name="fake-x",
            trial_id=1,
            handle=handle.model_dump(mode="json"),
        )
    finally:
        for path in (paths.pods(namespace, name), paths.services(namespace, name)):
            end(api, path)


def start_server(api: ClusterApi, namespace: str, **behaviour: object) -> Json:
    """Its pod alone, once it is ready."""
    name = names.object_name(INSTALLATION, RUN, 0, "server")
    container = {
        "name": "server",
        "image": "airtune-test/fake-sglang:latest",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "sglang.launch_server"],
        "args": [*ARGS, "--port", str(names.PORT)],
        "env": [{"name": "FAKE_ENGINE", "value": json.dumps(behaviour)}],
        "readinessProbe": {
            "httpGet": {"path": "/health", "port": names.PORT},
            "periodSeconds": 1,
        },
    }
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
    }
    labels = names.labels_of(INSTALLATION, RUN, 0, 3, "server")
    metadata = {"name": name, "labels": labels, "annotations": {}}
    api.post(paths.pods(namespace), {"metadata": metadata, "spec": spec})
    deadline = time.monotonic() + 60
    while not is_ready(pod := api.get(paths.pods(namespace, name))):
        assert time.monotonic() < deadline, pod["status"]
        time.sleep(0.1)
    return pod


def a_service(name: str) -> Json:
    """In front of the server."""
    spec = {"selector": SELECTOR, "ports": [{"port": names.PORT}]}
    return {"metadata": {"name": name}, "spec": spec}


def end(api: ClusterApi, path: str) -> None:
    """Delete an object and see it gone."""
    try:
        api.delete(path)
        while True:
            api.get(path)
            time.sleep(0.1)
    except ApiRefused as error:
        if error.status != 404:
            raise


def client_pods(api: ClusterApi, namespace: str) -> list[str]:
    """Names of this test process's client pods."""
    query = names.selector(INSTALLATION, role="client")
    return [
        one["metadata"]["name"]
        for one in api.get(paths.pods(namespace), labelSelector=query)["items"]
    ]


class OneCall(BenchmarkKubernetes):
    """The operator, whose ``execute`` makes one call through the provider, as a load point does."""

    given: ClientCall

    def execute(self, context: Any) -> Any:
        self._context = context
        self._through_provider(self.given)


def through_operator(call: ClientCall) -> None:
    """Make the call as Airflow's task runner has the operator make it."""
    operator = OneCall(
        task_id="benchmark", spec={"label": "x"}, world="kubernetes", allow_nested_operators=False
    )
    operator.given = call
    operator.client = CoreV1Api(call.api.client)
    ti = SimpleNamespace(
        dag_id="autotune_kubernetes", task_id="trial.benchmark", map_index=0, try_number=1,
        xcom_push=lambda **pushed: None,
    )  # fmt: skip
    context = {"ti": ti, "run_id": RUN, "dag": SimpleNamespace()}
    sentinel = {f"{type(operator).__name__}__sentinel": ExecutorSafeguard.sentinel_value}
    operator.execute(context, **sentinel)  # type: ignore[call-arg]
