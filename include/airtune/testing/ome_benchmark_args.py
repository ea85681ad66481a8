"""What a BenchmarkJob makes genai-bench do: its command line, with OME's peculiarities."""

from collections.abc import Mapping
from typing import Any

from airtune.testing.ome_lookup import Refused

_PVC = "pvc://"


def arguments(
    job: Mapping[str, Any], service: Mapping[str, Any] | None, model: Mapping[str, Any] | None
) -> list[str]:
    """The arguments of ``genai-bench``.

    ``additionalRequestParams`` and ``dataset`` are passed on nowhere, and a plain URL gets neither
    key nor tokenizer, so that genai-bench refuses it: as OME does it.

    Args:
        service: the InferenceService that is named; None where a URL is.
        model: the one that it serves.

    Raises:
        Refused: the model lies nowhere, or the output is no ``pvc://``.
    """
    spec = job["spec"]
    words = ["benchmark"]
    words += _endpoint(spec["endpoint"], service, model)
    words += ["--task", spec["task"]]
    words += ["--max-time-per-run", str(spec["maxTimePerIteration"])]
    words += ["--max-requests-per-run", str(spec["maxRequestsPerIteration"])]
    if service is not None and model is not None:
        words += ["--api-key", "sample-key", "--model-tokenizer", model_path(model)]
    for scenario in spec.get("trafficScenarios") or []:
        words += ["--traffic-scenario", scenario]
    for users in spec.get("numConcurrency") or []:
        words += ["--num-concurrency", str(users)]
    if spec.get("resultFolderName"):
        words += ["--experiment-folder-name", spec["resultFolderName"]]
    if about := spec.get("serviceMetadata"):
        words += ["--server-engine", about["engine"], "--server-gpu-type", about["gpuType"]]
        words += ["--server-version", about["version"]]
        words += ["--server-gpu-count", str(about["gpuCount"])]
    return [*words, "--experiment-base-dir", f"/{output_of(job)[1]}"]


def output_of(job: Mapping[str, Any]) -> tuple[str, str]:
    """Claim and folder in it of ``pvc://[namespace:]<claim>/<folder>``.

    Raises:
        Refused: another kind of URI, or no folder.
    """
    uri = str(job["spec"]["outputLocation"]["storageUri"])
    claim, _, folder = uri.removeprefix(_PVC).partition("/")
    if not uri.startswith(_PVC) or not claim or not folder:
        raise Refused("InvalidOutput", f"{uri}: the stand-in writes to pvc://<claim>/<folder> only")
    return claim.rpartition(":")[2], folder


def model_path(model: Mapping[str, Any]) -> str:
    """Folder of a model on the nodes, which also holds the tokenizer.

    Raises:
        Refused: it has none.
    """
    if path := (model["spec"].get("storage") or {}).get("path"):
        return str(path)
    raise Refused("NoStorage", f"model {model['metadata']['name']} has no storage path")


def _endpoint(
    endpoint: Mapping[str, Any],
    service: Mapping[str, Any] | None,
    model: Mapping[str, Any] | None,
) -> list[str]:
    if service is None:
        plain = endpoint["endpoint"]
        backend, base, name = plain["apiFormat"], plain["url"], plain.get("modelName", "")
    else:
        backend, base, name = _protocol(service), service["status"]["url"], "vllm-model"
    return ["--api-backend", backend, "--api-base", base, "--api-model-name", name]


def _protocol(service: Mapping[str, Any]) -> str:
    runner = (service["spec"].get("engine") or {}).get("runner") or {}
    for one in runner.get("env") or []:
        if one["name"] == "PROTOCOL_VERSION":
            return str(one.get("value", ""))
    return "openai"
