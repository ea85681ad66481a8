from typing import Any

import pytest
from tests.launchers.ome.orders import (
    ARGS,
    FORMATS,
    LAUNCH,
    MODEL_SPEC,
    SETTINGS,
    cluster,
    runtime_spec,
)

from airtune.launchers.kubernetes.api import Json
from airtune.launchers.ome.checks import notes, problems
from airtune.launchers.ome.matching import mismatch
from airtune.task import Task
from airtune.testing.fake_cluster import FakeCluster

JOB = {"client": "benchmark_job"}
CLAIMS = "/api/v1/namespaces/tuner/persistentvolumeclaims"


def _task(engine: str = "sglang", bench: dict[str, Any] | None = None, **fields: Any) -> Task:
    benchmark = {
        "model_name": "llama",
        "model_tokenizer": "org/llama",
        "traffic_scenarios": ["D(10,10)"],
        "num_concurrency": [1],
    }
    document = {
        "task_name": "t",
        "launcher": "ome",
        "engine": engine,
        "base_runtime": "llama-rt",
        "model": {"name": "llama", "namespace": "tuner"},
        "parameters": {"mem-fraction-static": [0.8, 0.9]} if engine == "sglang" else {},
        "optimization": {"objective": "minimize_latency"},
        "benchmark": benchmark | (bench or {}),
    }
    return Task.model_validate(document | fields)


def _found(api: FakeCluster, task: Task | None = None) -> dict[str, str]:
    return {one.path: str(one) for one in problems(api, task or _task(), SETTINGS)}


def test_nothing_is_wrong_with_model_and_runtime_that_fit() -> None:
    assert _found(cluster()) == {}


def test_missing_definitions_are_named_with_the_guide() -> None:
    found = _found(FakeCluster("tuner"))
    assert list(found) == ["launcher"]
    for crd in ("inferenceservices", "clusterbasemodels", "clusterservingruntimes"):
        assert f"{crd}.ome.io" in found["launcher"]
    assert "docs/ome-installation.md" in found["launcher"]
    assert "benchmarkjobs" not in found["launcher"]


def test_benchmark_jobs_definition_is_needed_where_they_are_used() -> None:
    api = cluster()
    api.kinds = {key: kind for key, kind in api.kinds.items() if kind[0] != "BenchmarkJob"}
    claim = {"ome": {"output_claim": {"claim": "results"}}}
    assert _found(api) == {}
    assert "benchmarkjobs.ome.io" in _found(api, _task(bench=JOB, **claim))["launcher"]


def test_model_and_runtime_that_are_neither_there_nor_given_are_named() -> None:
    api = FakeCluster("tuner", ome=True)
    found = _found(api)
    assert "ClusterBaseModel" in found["model.name"]
    assert "ClusterServingRuntime" in found["base_runtime"]
    given = {"ome": {"model_spec": MODEL_SPEC, "runtime_spec": runtime_spec()}}
    assert _found(api, _task(**given)) == {}


def test_a_runtime_that_does_not_serve_the_model_is_refused_with_both_sides() -> None:
    other = runtime_spec() | {"supportedModelFormats": [{"modelFormat": {"name": "gguf"}}]}
    assert "the model says safetensors, the runtime gguf" in _found(cluster(other))["base_runtime"]


@pytest.mark.parametrize(
    ("runner", "words"),
    [
        ({"command": ["sh", "-c"], "args": ["serve --port 8080"]}, "shell script"),
        ({"ports": [{"containerPort": 9000}]}, "port 8080, and OME's Service leads to 9000"),
    ],
)
def test_a_runtime_that_cannot_be_tuned_is_refused(runner: Json, words: str) -> None:
    assert words in _found(cluster(runtime_spec(**runner)))["base_runtime"]


def test_a_flag_of_the_runtime_cannot_be_unset() -> None:
    api = cluster(runtime_spec(args=[*ARGS, "--enable-metrics"]))
    asked = {"enable-metrics": [True, False], "mem-frac": [0.8]}
    found = _found(api, _task(parameters=asked, engine_args={"tp": None, "dp-size": None}))
    assert set(found) == {"parameters.enable-metrics", "engine_args.tp"}
    assert "False" in found["parameters.enable-metrics"]
    assert "--tp-size" in found["engine_args.tp"]


def test_a_linked_value_cannot_unset_a_flag_of_the_runtime_either() -> None:
    api = cluster(runtime_spec(args=[*ARGS, "--enable-metrics"]))
    linked = [{"parameters": ["mem-frac", "enable-metrics"], "values": [[0.8, True], [0.7, False]]}]
    found = _found(api, _task(parameters={}, linked=linked))
    assert set(found) == {"linked[0].values"}


def _job(engine: str = "sglang", **fields: Any) -> Task:
    given = {"ome": {"output_claim": {"claim": "results"}}} | fields
    return _task(engine, JOB | given.pop("bench", {}), **given)


def _with_claim(model: Json | None = None, runtime: Json | None = None) -> FakeCluster:
    api = cluster(runtime, model)
    api.add(CLAIMS, {"metadata": {"name": "results"}})
    return api


def test_a_benchmark_job_needs_its_claim_and_the_models_folder() -> None:
    assert _found(_with_claim(), _job()) == {}
    assert "namespace tuner" in _found(cluster(), _job())["ome.output_claim.claim"]
    bare = {key: value for key, value in MODEL_SPEC.items() if key != "storage"}
    assert "spec.storage.path" in _found(_with_claim(bare), _job())["model.name"]


def test_vllm_must_serve_the_name_that_benchmark_jobs_send() -> None:
    api = _with_claim(runtime=runtime_spec(command=["vllm", "serve"]))
    assert "vllm-model" in _found(api, _job("vllm"))["benchmark.model_name"]
    assert _found(api, _job("vllm", bench={"model_name": "vllm-model"})) == {}
    assert _found(api, _task("vllm")) == {}


def test_llama_cpps_cache_must_be_off_where_no_request_can_say_so() -> None:
    args = {"engine_args": {"cache-prompt": False}}
    bare = runtime_spec(command=["llama-server"], args=["-m", "x"])
    assert "cache" in _found(_with_claim(runtime=bare), _job("llama_cpp"))["benchmark.client"]
    assert _found(_with_claim(runtime=bare), _job("llama_cpp", **args)) == {}
    off = runtime_spec(command=["llama-server", "--no-cache-prompt"], args=[])
    assert _found(_with_claim(runtime=off), _job("llama_cpp")) == {}


def test_a_missing_node_label_is_a_note() -> None:
    api = cluster()
    api.add("/api/v1/nodes", {"metadata": {"name": "n", "labels": {}}})
    (note,) = notes(api, _task())
    assert "models.ome.io/clusterbasemodel.llama=Ready" in note
    label = {"models.ome.io/clusterbasemodel.llama": "Ready"}
    api.add("/api/v1/nodes", {"metadata": {"name": "m", "labels": label}})
    assert notes(api, _task()) == []


RUNTIME = {"supportedModelFormats": FORMATS, "modelSizeRange": {"min": "500M", "max": "2B"}}


@pytest.mark.parametrize(
    ("model", "runtime", "words"),
    [
        ({}, {}, ""),
        ({"modelArchitecture": "Llama"}, {}, "architecture"),
        ({"quantization": "fp8"}, {}, "quantization"),
        ({"modelFormat": {"name": "safetensors"}}, {}, "format version"),
        ({"modelFormat": {"name": "safetensors", "version": "2.0.0"}}, {}, "2.0.0"),
        ({"modelFramework": None}, {}, "framework"),
        ({"modelParameterSize": "8B"}, {}, "8B parameters"),
        ({"modelParameterSize": None}, {}, ""),
        ({"disabled": True}, {}, "model is disabled"),
        ({}, {"disabled": True}, "runtime is disabled"),
        ({}, {"supportedModelFormats": []}, "no model format"),
        ({}, {"supportedModelFormats": [{"modelFormat": {"name": "x"}}, *FORMATS]}, ""),
    ],
)
def test_models_and_runtimes_are_matched_as_ome_does(
    model: Json, runtime: Json, words: str
) -> None:
    found = mismatch(MODEL_SPEC | model, RUNTIME | runtime)
    assert (words in found) if words else (found == "")


def test_a_newer_version_is_omes_to_compare() -> None:
    form = {"name": "safetensors", "version": "1.0.0", "operator": "GreaterThanOrEqual"}
    runtime = {"supportedModelFormats": [FORMATS[0] | {"modelFormat": form}]}
    model = MODEL_SPEC | {"modelFormat": {"name": "safetensors", "version": "2.0.0"}}
    assert mismatch(model, runtime) == ""


def test_the_command_of_the_runtime_counts_as_well() -> None:
    api = cluster(runtime_spec(command=[*LAUNCH, "--port", "9000"], args=[]))
    assert "9000" in _found(api)["base_runtime"]
