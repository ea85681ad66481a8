"""The stand-in's BenchmarkJobs, with the real genai-bench, and the traps that OME has there."""

import json

import pytest
from tests.kubernetes.ome.services import a_benchmark, a_service, eventually, never, ready

from airtune.launchers.kubernetes.api import ApiRefused
from airtune.testing.ome_api import OME, namespaced
from airtune.testing.ome_cluster import Ome

pytestmark = [pytest.mark.kubernetes, pytest.mark.ome, pytest.mark.timeout(300)]


def _state(ome: Ome, namespace: str) -> dict:
    return ome.api.get(namespaced(OME, "benchmarkjobs", namespace, "bench")).get("status", {})


def _job(ome: Ome, namespace: str) -> dict | None:
    return ome.api.find(namespaced("/apis/batch/v1", "jobs", namespace, "bench"))


def test_a_benchmark_leaves_its_files_on_the_claim_and_completed_does_not_mean_success(
    ome: Ome, ome_namespace: str
) -> None:
    claim = ome.results_claim(ome_namespace)
    ome.make(a_service(ome_namespace, behaviour={"fail_every": 4}))
    ready(ome, ome_namespace)
    override = {
        "image": "airtune/genai-bench:0.0.5",
        "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}],
    }
    ome.make(a_benchmark(ome_namespace, claim, podOverride=override))

    ended = eventually(lambda: _ended(ome, ome_namespace), 120)
    container = _job(ome, ome_namespace)["spec"]["template"]["spec"]["containers"][0]
    assert (container["name"], container["command"]) == ("genai-bench", ["genai-bench"])
    host = f"http://engine.{ome_namespace}.svc.cluster.local:8080"
    assert container["args"] == [
        "benchmark", "--api-backend", "openai", "--api-base", host,
        "--api-model-name", "vllm-model", "--task", "text-to-text", "--max-time-per-run", "1",
        "--max-requests-per-run", "40", "--api-key", "sample-key",
        "--model-tokenizer", f"{ome.folder.path}/model", "--traffic-scenario", "D(20,10)",
        "--num-concurrency", "2", "--experiment-folder-name", "exp1",
        "--experiment-base-dir", "/runs/one",
    ]  # fmt: skip
    assert ended["state"] == "Completed", ended
    assert ended.get("failureMessage", "") == ""
    files = ome.files(ome_namespace, claim)
    assert "runs/one/exp1/experiment_metadata.json" in files
    (result,) = [one for one in files if one.startswith("runs/one/exp1/D20_10_")]
    said = ome.folder.run(f"cat '/claim/{result}'", claim=claim, namespace=ome_namespace)
    metrics = json.loads(said)["aggregated_metrics"]
    assert metrics["num_error_requests"] > 0


def _ended(ome: Ome, namespace: str) -> dict | None:
    status = _state(ome, namespace)
    return status if status.get("state") in {"Completed", "Failed"} else None


def test_a_benchmark_without_its_claim_waits_for_ever_and_says_so_in_the_log_only(
    ome: Ome, ome_namespace: str
) -> None:
    ome.make(a_service(ome_namespace))
    ready(ome, ome_namespace)
    ome.make(a_benchmark(ome_namespace, "missing"))

    said = f"{ome_namespace}/benchmarkjobs/bench: there is no PersistentVolumeClaim missing"
    eventually(lambda: said in ome.controller.log())
    assert _state(ome, ome_namespace) == {
        "state": "Pending", "lastReconcileTime": _state(ome, ome_namespace)["lastReconcileTime"],
    }  # fmt: skip
    never(lambda: _job(ome, ome_namespace), 2)
    assert "missing" not in json.dumps(
        ome.api.items(namespaced("/api/v1", "events", ome_namespace))
    )


def test_a_benchmark_starts_once_its_service_is_ready(ome: Ome, ome_namespace: str) -> None:
    claim = ome.results_claim(ome_namespace)
    ome.make(a_service(ome_namespace, behaviour={"start_s": 4}))
    ome.make(a_benchmark(ome_namespace, claim))

    never(lambda: _job(ome, ome_namespace), 2)
    assert _state(ome, ome_namespace)["state"] == "Pending"
    eventually(lambda: _job(ome, ome_namespace))
    eventually(lambda: _state(ome, ome_namespace)["state"] == "Running")


def test_a_plain_url_gets_neither_key_nor_tokenizer(ome: Ome, ome_namespace: str) -> None:
    claim = ome.results_claim(ome_namespace)
    url = {"url": "http://somewhere:8000", "apiFormat": "openai", "modelName": "m"}
    ome.make(a_benchmark(ome_namespace, claim, endpoint={"endpoint": url}))

    job = eventually(lambda: _job(ome, ome_namespace))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "bench"
    assert not {"--api-key", "--model-tokenizer"} & set(container["args"])
    ended = eventually(lambda: _ended(ome, ome_namespace), 60)
    assert ended["state"] == "Failed"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"trafficScenarios": ["dataset"]}, "trafficScenarios"),
        ({"endpoint": {}}, "endpoint"),
    ],
    ids=["scenario", "endpoint"],
)
def test_admission_refuses_a_benchmark(ome: Ome, ome_namespace: str, spec: dict, text: str) -> None:
    with pytest.raises(ApiRefused, match=text) as refused:
        ome.make(a_benchmark(ome_namespace, "any", **spec))

    assert refused.value.status == 403
