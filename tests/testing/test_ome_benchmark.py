"""What the stand-in makes of a BenchmarkJob."""

import pytest

from airtune.testing.ome_benchmark_args import arguments, output_of
from airtune.testing.ome_benchmark_pod import BenchmarkPod, benchmark_container, benchmark_pod
from airtune.testing.ome_lookup import Refused
from airtune.testing.ome_resources import MODEL, a_model

STORED = a_model(MODEL, "/models/x")
SERVICE = {"spec": {"engine": {"runner": {}}}, "status": {"url": "http://x.n.svc:8080"}}


def _job(**spec):
    whole = {
        "endpoint": {"inferenceService": {"name": "x", "namespace": "n"}},
        "task": "text-to-text",
        "maxTimePerIteration": 1,
        "maxRequestsPerIteration": 40,
        "outputLocation": {"storageUri": "pvc://results/runs/one"},
    }
    return {"metadata": {"name": "bench", "namespace": "n"}, "spec": whole | spec}


def _value(words, flag):
    return words[words.index(flag) + 1]


def test_an_inference_service_is_measured_with_omes_fixed_model_name_and_key():
    words = arguments(_job(), SERVICE, STORED)

    assert _value(words, "--api-model-name") == "vllm-model"
    assert _value(words, "--api-key") == "sample-key"
    assert _value(words, "--api-backend") == "openai"
    assert _value(words, "--api-base") == "http://x.n.svc:8080"
    assert _value(words, "--model-tokenizer") == "/models/x"
    assert _value(words, "--experiment-base-dir") == "/runs/one"


def test_the_backend_is_what_the_runners_environment_says():
    env = [{"name": "PROTOCOL_VERSION", "value": "cohere"}]
    service = SERVICE | {"spec": {"engine": {"runner": {"env": env}}}}

    assert _value(arguments(_job(), service, STORED), "--api-backend") == "cohere"


def test_request_parameters_and_datasets_are_passed_on_nowhere():
    job = _job(additionalRequestParams={"temperature": "0.0"}, dataset={"path": "/data"})

    assert arguments(job, SERVICE, STORED) == arguments(_job(), SERVICE, STORED)


def test_a_plain_url_gets_neither_key_nor_tokenizer():
    url = {"endpoint": {"url": "http://y:1", "apiFormat": "openai", "modelName": "m"}}

    words = arguments(_job(endpoint=url), None, None)
    assert _value(words, "--api-model-name") == "m"
    assert not {"--api-key", "--model-tokenizer"} & set(words)


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("pvc://results/runs/one", ("results", "runs/one")),
        ("pvc://other:results/runs", ("results", "runs")),
    ],
)
def test_an_output_names_a_claim_and_a_folder(uri, place):
    assert output_of(_job(outputLocation={"storageUri": uri})) == place


@pytest.mark.parametrize("uri", ["pvc://results", "pvc:///runs", "s3://bucket/runs"])
def test_an_output_without_claim_or_folder_is_refused(uri):
    with pytest.raises(Refused, match="pvc://<claim>/<folder>"):
        output_of(_job(outputLocation={"storageUri": uri}))


def test_an_override_names_the_container_and_merges_its_environment_and_resources():
    override = {
        "image": "mine",
        "env": [{"name": "A", "value": "b"}],
        "resources": {"limits": {"cpu": "1"}},
    }
    plain = benchmark_container(_job(), SERVICE, STORED, BenchmarkPod())
    changed = benchmark_container(_job(podOverride=override), SERVICE, STORED, BenchmarkPod())

    assert (plain["name"], changed["name"], changed["image"]) == ("bench", "genai-bench", "mine")
    assert changed["env"] == [*plain["env"], {"name": "A", "value": "b"}]
    assert changed["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert changed["args"] == plain["args"]


def test_the_pod_runs_where_the_model_is_unless_an_override_adds_more():
    job = _job(podOverride={"nodeSelector": {"pool": "client"}})

    pod = benchmark_pod(job, {}, STORED)
    label = f"models.ome.io/clusterbasemodel.{MODEL}"
    assert pod["nodeSelector"] == {label: "Ready", "pool": "client"}
    assert {one["name"] for one in pod["volumes"]} == {MODEL, "benchmark-output-storage"}
