"""Models and runtimes for tests: fake engine and llama.cpp behind OME, and the examples' own."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airtune.testing.ome_merge import Json
from airtune.testing.ome_names import CONTAINER, PORT

MODEL = "airtune-test-model"
GGUF = "airtune-test-gguf"
SGLANG = "airtune-test-sglang"
SGLANG_COMMAND = "airtune-test-sglang-command"
LLAMA_CPP = "airtune-test-llama-cpp"
"""Names of the ready-made models and runtimes."""

SERVED = "vllm-model"
"""Model name that the ready-made servers know: the one that BenchmarkJobs ask for."""

FAKE_IMAGE = "airtune-test/fake-sglang:latest"
LLAMA_IMAGE = "airtune/llama-cpp:latest"

_EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "ome"
_GGUF_FILE = "/models/SmolLM2-135M-Instruct.Q4_1.gguf"
_ANY = "0.0.0.0"  # noqa: S104 - inside a pod
_LAUNCH = ["python3", "-m", "sglang.launch_server"]
_FLAGS = [
    "--host", _ANY, "--port", str(PORT), "--model-path", "$(MODEL_PATH)",
    "--served-model-name", SERVED, "--mem-fraction-static", "0.9",
]  # fmt: skip


def ready_made(folder: str) -> list[Json]:
    """All of them.

    Args:
        folder: of the nodes; ``folder/model`` is the models' storage.
    """
    return [
        a_model(MODEL, f"{folder}/model"),
        a_model(GGUF, f"{folder}/model", form="gguf"),
        a_runtime(SGLANG, command=_LAUNCH, args=_FLAGS),
        a_runtime(SGLANG_COMMAND, command=[*_LAUNCH, *_FLAGS]),
        a_runtime(
            LLAMA_CPP,
            image=LLAMA_IMAGE,
            form="gguf",
            args=["-m", _GGUF_FILE, "--alias", SERVED, "--host", _ANY, "--port", str(PORT)],
        ),
    ]


def a_model(name: str, path: str, *, form: str = "safetensors") -> Json:
    """A ClusterBaseModel.

    Args:
        path: folder of the nodes.
        form: name of its format.
    """
    spec = _form(form) | {"storage": {"storageUri": f"local://{path}", "path": path}}
    return _cluster_wide("ClusterBaseModel", name, spec)


def a_runtime(
    name: str,
    *,
    image: str = FAKE_IMAGE,
    form: str = "safetensors",
    command: list[str] | None = None,
    args: list[str] | None = None,
) -> Json:
    """A ClusterServingRuntime for models of ``form``; its container listens on port 8080."""
    runner: Json = {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http1", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": _probe(),
        **({"command": command} if command else {}),
        **({"args": args} if args else {}),
    }
    spec = {
        "supportedModelFormats": [_form(form) | {"autoSelect": False}],
        "engineConfig": {"terminationGracePeriodSeconds": 2, "runner": runner},
    }
    return _cluster_wide("ClusterServingRuntime", name, spec)


def examples() -> Iterator[Json]:
    """The manifests of ``examples/ome``, in the order in which a user applies them."""
    import yaml

    for file in sorted(_EXAMPLES.glob("*.yaml")):
        yield from yaml.safe_load_all(file.read_text())


def examples_without_gpu(folder: str) -> list[Json]:
    """The examples' models and runtimes for a cluster without GPUs: the fake engine serves them.

    Args:
        folder: as in ``ready_made``.
    """
    found = [one for one in examples() if one["kind"].startswith("Cluster")]
    return [_without_gpu(one, folder) for one in found]


def _without_gpu(manifest: Json, folder: str) -> Json:
    spec = copy.deepcopy(manifest["spec"])
    if manifest["kind"] == "ClusterBaseModel":
        spec["storage"] = {"storageUri": f"local://{folder}/model", "path": f"{folder}/model"}
    else:
        engine = spec["engineConfig"]
        engine["terminationGracePeriodSeconds"] = 2
        engine["runner"] |= {"image": FAKE_IMAGE, "readinessProbe": _probe()}
        del engine["runner"]["startupProbe"], engine["runner"]["resources"]
    return manifest | {"spec": spec}


def _probe() -> Json:
    health = {"path": "/health", "port": PORT}
    return {"httpGet": health, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 3}


def _form(name: str) -> Json:
    return {
        "modelFormat": {"name": name, "version": "1.0.0"},
        "modelFramework": {"name": "transformers", "version": "4.45.0"},
    }


def _cluster_wide(kind: str, name: str, spec: dict[str, Any]) -> Json:
    metadata = {"name": name}
    return {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}
