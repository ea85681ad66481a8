"""Exports as they are applied to a cluster: the server behind them is the one that was measured."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.results.docker_samples import SETTINGS, a_docker_task, a_docker_trial

from airtune.engines import get_engine
from airtune.launchers.kubernetes import exec as remote
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.paths import place_of
from airtune.launchers.ome.arguments import runner_args
from airtune.launchers.ome.runtime import Runner
from airtune.records import ServerSpec
from airtune.results.export import export_deployment, export_inference_service
from airtune.study.servers import Servers, model_path
from airtune.study.spaces import search_of
from airtune.task import Task
from airtune.testing import ome_resources
from airtune.testing.ome_api import OmeApi, connected
from airtune.testing.ome_cluster import Ome

READY_S = 90.0
FAKE = {"image": "airtune-test/fake-sglang", "model": {"name": "x", "in_image": "/models/x"}}
SEARCH = {"tp-size": [1, 2], "mem-frac": [0.8, 0.85], "chunked-prefill-size": [2048]}
LLAMA = {
    "engine": "llama_cpp",
    "image": "airtune/llama-cpp",
    "model": {"name": "smol", "in_image": "/models/SmolLM2-135M-Instruct.Q4_1.gguf"},
    "parameters": {"parallel": [2], "ctx-size": [1024]},
}


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[OmeApi]:
    """The API server, with server-side apply."""
    found = connected(kubeconfig)
    yield found
    found.client.close()


def a_task(launcher: str, namespace: str, **fields: Any) -> Task:
    """A task of the fake SGLang that searches three parameters; no GPU is asked for."""
    wanted: dict[str, Any] = FAKE | {"parameters": SEARCH} | fields
    model = wanted.pop("model") | {"namespace": namespace}
    given = {"deployment_mode": launcher, "kubernetes": {"gpus": 0}, "model": model}
    return a_docker_task(**(given | wanted))


def server_of(task: Task, parameters: dict[str, Any]) -> ServerSpec:
    engine = get_engine(task.engine)
    servers = Servers(task, engine, search_of(task, engine).fixed, model_path(task, SETTINGS))
    return servers.server(parameters)


def last(task: Task) -> dict[str, Any]:
    """The configuration with the last value of each parameter."""
    return {name: one.values[-1] for name, one in task.parameters.items()}  # type: ignore[union-attr]


def applied(api: OmeApi, text: str) -> list[Json]:
    """The manifests after a server-side apply under strict validation."""
    made = []
    for manifest in yaml.safe_load_all(text):
        made.append(api.apply(place_of(manifest), manifest, fieldValidation="Strict"))
    return made


def ready_pod(api: OmeApi, namespace: str, selector: str) -> Json:
    """The one pod of a selector, once its readiness probe has answered."""
    give_up_at = time.monotonic() + READY_S
    pods: list[Json] = []
    while time.monotonic() < give_up_at:
        pods = api.items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
        for pod in pods:
            conditions = pod["status"].get("conditions", ())
            if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
                assert len(pods) == 1
                return pod
        time.sleep(0.2)
    raise AssertionError(f"no pod of {selector} became ready: {[one['status'] for one in pods]}")


def cmdline(api: OmeApi, pod: Json, container: str) -> tuple[str, ...]:
    """The command line of the container's first process, as its kernel tells it."""
    metadata = pod["metadata"]
    read = ["cat", "/proc/1/cmdline"]
    told = remote.run(api, metadata["namespace"], metadata["name"], container, read)
    return tuple(told.decode().rstrip("\0").split("\0"))


@pytest.mark.kubernetes
@pytest.mark.parametrize("launcher", ["kubernetes", "docker"])
def test_the_deployments_server_has_the_command_line_of_the_trial(
    api: OmeApi, own_namespace: str, launcher: str
) -> None:
    task = a_task(launcher, own_namespace, env={"GREETING": "it's $(NOBODY)"})
    argv = (*server_of(task, last(task)).at_port(8000), "--log-level", 'a "b" $(GREETING) {{ 1 }}')
    trial = a_docker_trial(argv=argv, devices=(), parameters=last(task))
    deployment, service = applied(api, export_deployment(trial, task, SETTINGS))
    pod = ready_pod(api, own_namespace, f"app.kubernetes.io/name={deployment['metadata']['name']}")
    assert cmdline(api, pod, "server") == argv
    assert "--mem-fraction-static" in argv
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


@pytest.mark.kubernetes
def test_llama_cpps_deployment_keeps_the_entrypoint_and_has_every_argument(
    api: OmeApi, own_namespace: str
) -> None:
    task = a_task("kubernetes", own_namespace, **LLAMA)
    arguments = server_of(task, last(task)).at_port(8000)[1:]
    trial = a_docker_trial(argv=arguments, devices=("kubernetes/device0",), parameters=last(task))
    applied(api, export_deployment(trial, task, SETTINGS))
    pod = ready_pod(api, own_namespace, "app.kubernetes.io/name=smol")
    assert cmdline(api, pod, "server")[-len(arguments) :] == arguments
    assert "--parallel" in arguments


@pytest.mark.kubernetes
@pytest.mark.ome
@pytest.mark.parametrize("runtime", [ome_resources.SGLANG, ome_resources.SGLANG_COMMAND])
def test_the_inference_services_server_has_the_command_line_of_the_trial(
    ome: Ome, ome_namespace: str, runtime: str
) -> None:
    """The stand-in controller makes the pods; the CRDs are OME's own."""
    task = a_task(
        "ome",
        ome_namespace,
        image=None,
        model={"name": ome_resources.MODEL},
        base_runtime=runtime,
        env={"GREETING": "hello"},
    )
    runner, own = the_runner(runtime), server_of(task, last(task)).own
    args = runner_args(runner, get_engine("sglang"), own, task.benchmark.model_name)
    place = f"{ome.folder.path}/model"
    command, words = ([word.replace("$(MODEL_PATH)", place) for word in some] for some in
                      (runner.command, args))  # fmt: skip
    argv, identity = (*command, *words), {"runtime_command": command}
    trial = a_docker_trial(argv=argv, devices=(), parameters=last(task), identity=identity)
    (made,) = applied(ome.api, export_inference_service(trial, task, SETTINGS))
    assert made["spec"]["engine"]["runner"]["args"] == words
    name = made["metadata"]["name"]
    pod = ready_pod(ome.api, ome_namespace, f"ome.io/inferenceservice={name},component=engine")
    assert cmdline(ome.api, pod, "ome-container") == argv
    assert {"--mem-fraction-static", "--tp-size", "--chunked-prefill-size"} <= set(argv)


def the_runner(name: str) -> Runner:
    """The engine's container of a ready-made runtime."""
    found = ome_resources.ready_made("/nowhere")
    return Runner.of(next(one for one in found if one["metadata"]["name"] == name))
