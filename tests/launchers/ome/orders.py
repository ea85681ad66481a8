"""A cluster with OME's objects, and orders for servers in it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from airtune.engines import get_engine
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.launcher import Order
from airtune.launchers.ome.installed import ome_path
from airtune.launchers.probe import Readiness
from airtune.records import ParamValue
from airtune.settings import Settings
from airtune.task.container import ContainerOptions
from airtune.task.kubernetes import KubernetesOptions
from airtune.task.model import Model
from airtune.task.ome import OmeOptions
from airtune.testing.fake_cluster import FakeCluster

SETTINGS = Settings.load({"AIRTUNE_INSTALLATION": "tests", "AIRTUNE_HOME": "/nowhere"})
LAUNCH = ["python3", "-m", "sglang.launch_server"]
ARGS = [
    *("--model-path", "$(MODEL_PATH)", "--host", "0.0.0.0", "--port", "8080"),
    *("--served-model-name", "llama", "--tp-size", "1"),
]
MODEL_SPEC: Json = {
    "modelFormat": {"name": "safetensors", "version": "1.0.0"},
    "modelFramework": {"name": "transformers", "version": "4.43.1"},
    "modelParameterSize": "1.24B",
    "storage": {"path": "/models/llama"},
}
FORMATS = [
    {
        "modelFormat": {"name": "safetensors", "version": "1.0.0"},
        "modelFramework": {"name": "transformers", "version": "4.43.1"},
    }
]


def runtime_spec(**runner: Any) -> Json:
    """Of a runtime for SGLang."""
    own = {"name": "ome-container", "image": "sglang", "command": LAUNCH, "args": ARGS}
    ports = {"ports": [{"containerPort": 8080}]}
    return {
        "supportedModelFormats": FORMATS,
        "engineConfig": {"runner": own | ports | runner},
    }


def cluster(runtime: Json | None = None, model: Json | None = None) -> FakeCluster:
    """A cluster with the model ``llama`` and the runtime ``llama-rt``; {} leaves one out."""
    api = FakeCluster("tuner", ome=True)
    for kind, name, spec in (
        ("ClusterBaseModel", "llama", MODEL_SPEC if model is None else model),
        ("ClusterServingRuntime", "llama-rt", runtime_spec() if runtime is None else runtime),
    ):
        if spec:
            api.add(ome_path(kind), {"metadata": {"name": name}, "spec": spec})
    return api


def order(
    configuration: dict[str, ParamValue] | None = None,
    *,
    model_name: str = "llama",
    engine: str = "sglang",
    kubernetes: dict[str, Any] | None = None,
    ome: dict[str, Any] | None = None,
    **changes: Any,
) -> Order:
    """An order with what does not matter filled in."""
    server = get_engine(engine).server(
        configuration or {}, model_path="/model", model_name=model_name
    )
    made = Order(
        run="autotune_ome/run-1",
        slot=2,
        attempt=3,
        generation=0,
        server=server,
        model=Model(name="llama", namespace="tuner"),
        container=ContainerOptions(),
        readiness=Readiness(model_name=model_name),
        devices=(),
        log=Path("/nowhere/server.log"),
        start_limit_s=60.0,
        pull_limit_s=60.0,
        trial_id=7,
        kubernetes=KubernetesOptions(**(kubernetes or {})),
        ome=OmeOptions(**(ome or {})),
        runtime="llama-rt",
    )
    return replace(made, **changes)


def handle(service: Json) -> Handle:
    """The handle of an InferenceService."""
    metadata = service["metadata"]
    return Handle(
        launcher="ome",
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        pods=f"ome.io/inferenceservice={metadata['name']},component=engine",
        service=f"{metadata['name']}-engine",
        port=8080,
        container="ome-container",
        engine="sglang",
        health_path="/health",
        log="/nowhere/server.log",
    )
