"""What airtune makes in OME mode, against OME's real definitions and the stand-in controller."""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.kubernetes.ome.services import pods
from tests.launchers.ome.orders import LAUNCH
from tests.launchers.ome.orders import order as an_order

from airtune.benchmark.client import RAW_FOLDER
from airtune.benchmark.run import measure
from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import ApiRefused, ClusterApi, Json
from airtune.launchers.kubernetes.exec import run as execute
from airtune.launchers.kubernetes.handle import Handle
from airtune.launchers.kubernetes.launcher import ClusterLauncher
from airtune.launchers.kubernetes.spec import with_spec
from airtune.launchers.launcher import Order
from airtune.launchers.ome.benchmark_job import JobOrder, manifest
from airtune.launchers.ome.checks import problems
from airtune.launchers.ome.installed import missing_kinds, ome_path
from airtune.launchers.ome.shared import release
from airtune.launchers.ome.world import OmeWorld
from airtune.operators.benchmark_job import JobRunner
from airtune.processes.place import Place
from airtune.records import Endpoint, FailureClass, LoadPoint
from airtune.settings import Settings
from airtune.task import Task
from airtune.task.kubernetes import ClientPod
from airtune.task.model import Model
from airtune.testing.ome_cluster import Ome
from airtune.testing.ome_resources import MODEL, SERVED, SGLANG, SGLANG_COMMAND, a_runtime

pytestmark = [pytest.mark.kubernetes, pytest.mark.ome, pytest.mark.timeout(300)]

FAST = {"FAKE_ENGINE": json.dumps({"ttft_ms": 1, "tpot_ms": 0})}
EVERYTHING: dict[str, Any] = {
    "gpu_product": "NVIDIA-H100",
    "gpu_resource": "example.com/gpu",
    "gpus": 2,
    "hf_token_secret": {"name": "hub"},
    "image_pull_policy": "Never",
    "image_pull_secrets": ["registry"],
    "limits": {"memory": "64Gi"},
    "node_selector": {"pool": "gpu"},
    "requests": {"cpu": "8"},
    "tolerations": [{"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}],
}
CLAIM = {"output_claim": {"claim": "benchmark-results"}}
SMALL = {"requests": {"cpu": "100m", "memory": "128Mi"}}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    own = {"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_INSTALLATION": f"test-{tmp_path.name}"}
    return Settings.load(own | {"AIRTUNE_KUBERNETES_REACH": "forward"})


@pytest.fixture
def world(settings: Settings) -> OmeWorld:
    return OmeWorld(settings)


def _order(namespace: str, *configuration: tuple[str, Any], **changes: Any) -> Order:
    runtime, model = changes.pop("runtime", SGLANG), changes.pop("model", MODEL)
    made = an_order(dict(configuration), model_name=changes.pop("served", SERVED), **changes)
    return replace(
        made,
        model=Model(name=model, namespace=namespace),
        runtime=runtime,
        server=made.server.model_copy(update={"env": FAST}),
    )


@contextmanager
def _launcher(api: ClusterApi, settings: Settings, namespace: str) -> Iterator[ClusterLauncher]:
    made = ClusterLauncher(OmeWorld(settings), api, settings, namespace=namespace)
    try:
        yield made
    finally:
        made.close()


def _holds(stored: object, asked: object) -> bool:
    """True if everything that was asked for is stored; the schema may add defaults."""
    if isinstance(asked, dict) and isinstance(stored, dict):
        return all(key in stored and _holds(stored[key], value) for key, value in asked.items())
    if isinstance(asked, list) and isinstance(stored, list):
        return len(asked) == len(stored) and all(map(_holds, stored, asked))
    return stored == asked


def test_the_real_definitions_are_found(cluster_api: ClusterApi, ome: Ome) -> None:
    assert missing_kinds(cluster_api) == ()
    assert missing_kinds(cluster_api, "InferenceService", "NoSuchKind") == ("NoSuchKind",)


@pytest.mark.parametrize("kubernetes", [{}, EVERYTHING], ids=["plain", "everything"])
def test_the_inference_service_is_accepted_and_stored_with_every_parameter(
    cluster_api: ClusterApi,
    ome: Ome,
    ome_namespace: str,
    world: OmeWorld,
    kubernetes: dict[str, Any],
) -> None:
    asked = (
        ("mem-fraction-static", 0.85),
        ("tp-size", 2),
        ("enable-metrics", True),
        ("chat-template", '$(HOME)/"a b": {x}\n#'),
        ("cuda-graph-bs", [1, 2, 4]),
    )
    order = _order(ome_namespace, *asked, kubernetes=kubernetes, ome=CLAIM)
    (made,) = with_spec(world.objects(cluster_api, order))
    path = ome_path("InferenceService", ome_namespace)
    kept = cluster_api.post(path, made, dryRun="All", fieldValidation="Strict")
    stored = cluster_api.post(path, made, fieldValidation="Strict")
    for one in (kept, stored):
        assert _holds(one, made)
        assert list(order.server.own) == one["spec"]["engine"]["runner"]["args"][-11:]


def test_what_the_definitions_do_not_know_is_refused_and_not_dropped(
    cluster_api: ClusterApi, ome: Ome, ome_namespace: str, world: OmeWorld
) -> None:
    (made,) = world.objects(cluster_api, _order(ome_namespace, ("tp-size", 2)))
    for place in ((), ("engine",), ("engine", "runner")):
        wrong = copy.deepcopy(made)
        inside = wrong["spec"]
        for name in place:
            inside = inside[name]
        inside["argz"] = ["--tp-size", "2"]
        path = ome_path("InferenceService", ome_namespace)
        with pytest.raises(ApiRefused, match="argz") as caught:
            cluster_api.post(path, wrong, dryRun="All", fieldValidation="Strict")
        assert caught.value.status in {400, 422}


def _job(namespace: str, server: Handle, **client: Any) -> JobOrder:
    return JobOrder(
        server=server,
        installation="tests",
        run="dag/run",
        slot=0,
        attempt=1,
        trial_id=1,
        task="text-to-text",
        scenario="N(480,240)/(300,150)",
        concurrency=4,
        minutes=3,
        requests=40,
        claim="benchmark-results",
        inside="airtune",
        leaf="leaf",
        folder=RAW_FOLDER,
        into=Path("/nowhere"),
        image="airtune/genai-bench:0.0.5",
        env={"HF_HUB_OFFLINE": "1"},
        client=ClientPod(**client),
        capacity_limit_s=60.0,
        pull_limit_s=60.0,
    )


def test_the_benchmark_job_is_accepted_and_stored_with_every_field(
    cluster_api: ClusterApi, ome: Ome, ome_namespace: str, world: OmeWorld
) -> None:
    (service,) = world.objects(cluster_api, _order(ome_namespace))
    owner = cluster_api.post(ome_path("InferenceService", ome_namespace), service)
    server = _handle(owner)
    path = ome_path("BenchmarkJob", ome_namespace)
    for client in (
        {},
        {"node_selector": {"a": "b"}, "tolerations": [{"key": "k", "operator": "Exists"}], **SMALL},
    ):
        made = manifest(_job(ome_namespace, server, **client))
        for query in ({"dryRun": "All"}, {}):
            stored = cluster_api.post(path, made, fieldValidation="Strict", **query)
            assert _holds(stored, made)
        cluster_api.delete(f"{path}/{made['metadata']['name']}")
        wrong = made | {"spec": made["spec"] | {"trafficScenario": "D(1,1)"}}
        with pytest.raises(ApiRefused, match="trafficScenario"):
            cluster_api.post(path, wrong, dryRun="All", fieldValidation="Strict")
        _until_gone(cluster_api, f"{path}/{made['metadata']['name']}")


def _handle(owner: Json) -> Handle:
    name, namespace = owner["metadata"]["name"], owner["metadata"]["namespace"]
    return Handle(
        launcher="ome",
        namespace=namespace,
        name=name,
        uid=owner["metadata"]["uid"],
        pods=f"ome.io/inferenceservice={name},component=engine",
        service=f"{name}-engine",
        port=8080,
        container="ome-container",
        engine="sglang",
        health_path="/health",
        log="",
    )


def _until_gone(api: ClusterApi, path: str) -> None:
    from airtune.testing.kubernetes_control import wait_until

    def gone() -> bool:
        try:
            api.get(path)
        except ApiRefused as refused:
            return refused.status == 404
        return False

    wait_until(gone, 30, f"{path} to go")


@pytest.mark.parametrize("runtime", [SGLANG, SGLANG_COMMAND], ids=["args", "command"])
def test_a_server_starts_with_its_arguments_and_leaves_nothing(
    cluster_api: ClusterApi, ome: Ome, ome_namespace: str, settings: Settings, runtime: str
) -> None:
    order = _order(ome_namespace, ("mem-fraction-static", 0.7), ("tp-size", 1), runtime=runtime)
    with _launcher(cluster_api, settings, ome_namespace) as launcher:
        launcher.prepare(order)
        endpoint = launcher.ensure(order, 90)
        argv = launcher.argv(endpoint)
        (pod,) = pods(ome, ome_namespace, Handle.of(endpoint).name)
        container = pod["spec"]["containers"][0]
        assert argv[-4:] == ("--mem-fraction-static", "0.7", "--tp-size", "1")
        assert list(argv[:3]) == LAUNCH
        assert len(argv) == len([*container["command"], *container["args"]])
        assert argv[argv.index("--model-path") + 1] == f"{ome.folder.path}/model"
        assert launcher.responds(endpoint)
        again = launcher.ensure(replace(order, attempt=4), 30)
        assert Handle.of(again).uid == Handle.of(endpoint).uid
        assert launcher.remove(order.run, order.slot, 4) >= 1
    assert pods(ome, ome_namespace, Handle.of(endpoint).name) == []
    assert ome.api.items(ome_path("InferenceService", ome_namespace)) == []


def test_the_baseline_runs_the_runtime_unmodified_but_for_the_name_it_is_asked_by(
    cluster_api: ClusterApi, ome: Ome, ome_namespace: str, world: OmeWorld
) -> None:
    (plain,) = world.objects(cluster_api, _order(ome_namespace))
    assert "args" not in plain["spec"]["engine"]["runner"]
    (named,) = world.objects(cluster_api, _order(ome_namespace, served="other"))
    assert named["spec"]["engine"]["runner"]["args"][-2:] == ["--served-model-name", "other"]


def test_model_and_runtime_of_a_task_are_made_used_and_removed_again(
    cluster_api: ClusterApi, ome: Ome, ome_namespace: str, settings: Settings
) -> None:
    own = f"own-{ome_namespace}"
    model = ome.api.get(ome_path("ClusterBaseModel", "", MODEL))["spec"]
    runtime = a_runtime("x", command=LAUNCH, args=["--port=8080"])
    specs = {"runtime_spec": runtime["spec"], "model_spec": model, "model_kind": "BaseModel"}
    order = replace(
        _order(ome_namespace, ome=specs, runtime=own),
        model=Model(name=own, namespace=ome_namespace),
    )
    with _launcher(cluster_api, settings, ome_namespace) as launcher:
        launcher.prepare(order)
        made = ome.api.get(ome_path("ClusterServingRuntime", "", own))
        assert _holds(made["spec"], runtime["spec"])
        assert ome.api.get(ome_path("BaseModel", ome_namespace, own))["metadata"]["labels"]
        assert release(cluster_api, settings.installation, order.run) == 2
    for kind in ("BaseModel", "ClusterServingRuntime"):
        _until_gone(cluster_api, ome_path(kind, ome_namespace, own))


def test_a_runtime_removed_after_plan_is_noticed_within_seconds(
    cluster_api: ClusterApi, ome: Ome, ome_namespace: str, settings: Settings
) -> None:
    name = f"going-{ome_namespace}"
    ome.make(a_runtime(name, command=LAUNCH))
    order = _order(ome_namespace, runtime=name, kubernetes={"node_selector": {"no": "node"}})
    with _launcher(cluster_api, settings, ome_namespace) as launcher:
        launcher.prepare(order)
        (made,) = with_spec(OmeWorld(settings).objects(cluster_api, order))
        ome.api.remove(ome_path("ClusterServingRuntime", "", name))
        owner = cluster_api.post(ome_path("InferenceService", ome_namespace), made)
        found = OmeWorld(settings).look(cluster_api, _handle(owner))
        assert getattr(found, "failure_class", None) is FailureClass.INVALID_CONFIG
        with pytest.raises(TrialFailed, match=name) as caught:
            launcher.prepare(order)
        assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG
        launcher.remove(order.run, order.slot, order.attempt)


def test_a_runtime_that_does_not_serve_the_model_fails_by_omes_event(
    cluster_api: ClusterApi, ome: Ome, ome_namespace: str, settings: Settings
) -> None:
    name = f"other-{ome_namespace}"
    ome.make(a_runtime(name, form="onnx", command=LAUNCH))
    order = _order(ome_namespace, runtime=name)
    task = _task(ome_namespace, base_runtime=name)
    found = [str(one) for one in problems(cluster_api, task, settings)]
    assert any("the model says safetensors, the runtime onnx" in one for one in found)
    with _launcher(cluster_api, settings, ome_namespace) as launcher:
        with pytest.raises(TrialFailed, match=name) as caught:
            launcher.ensure(order, 60)
        assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG
        launcher.remove(order.run, order.slot, order.attempt)


POINT = LoadPoint(scenario="D(20,10)", concurrency=2)


def _task(namespace: str, **fields: Any) -> Task:
    document = {
        "task_name": "t",
        "launcher": "ome",
        "engine": "sglang",
        "base_runtime": SGLANG,
        "model": {"name": MODEL, "namespace": namespace},
        "parameters": {"mem-fraction-static": [0.8, 0.9]},
        "optimization": {"objective": "minimize_latency"},
        "ome": CLAIM,
        "kubernetes": {"client": SMALL},
        "benchmark": {
            "client": "benchmark_job",
            "model_name": SERVED,
            "model_tokenizer": "org/unused",
            "traffic_scenarios": [POINT.scenario],
            "num_concurrency": [POINT.concurrency],
            "max_time_per_iteration": 1,
            "max_requests_per_iteration": 40,
        },
    }
    return Task.model_validate(document | fields)


def test_a_load_point_is_measured_by_a_benchmark_job_and_leaves_nothing(
    cluster_api: ClusterApi, ome: Ome, ome_namespace: str, settings: Settings, tmp_path: Path
) -> None:
    ome.results_claim(ome_namespace)
    task = _task(ome_namespace)
    assert problems(cluster_api, task, settings) == []
    order = _order(ome_namespace, ome=CLAIM)
    with _launcher(cluster_api, settings, ome_namespace) as launcher:
        endpoint = launcher.ensure(order, 90)
        runner = JobRunner(
            cluster_api,
            partial(execute, cluster_api),
            endpoint,
            task,
            settings,
            order.run,
            order.slot,
            order.attempt,
            should_stop=lambda: launcher.died(endpoint) is not None,
        )
        lines: list[str] = []
        measured = _measured(runner, endpoint, task, tmp_path, lines)
        assert launcher.died(endpoint) is None
        launcher.remove(order.run, order.slot, order.attempt)
    assert measured.completed >= 30
    # Sent by the backend that PROTOCOL_VERSION names: without it, answers end where they like.
    assert "wrong_length" not in measured.validity
    assert measured.output_tokens_per_s
    assert any("genai-bench" in line or "Experiment" in line for line in lines)
    assert ome.files(ome_namespace, "benchmark-results") == []
    left = [*ome.api.items(ome_path("BenchmarkJob", ome_namespace))]
    left += ome.api.items(f"/apis/batch/v1/namespaces/{ome_namespace}/jobs")
    left += ome.api.items(f"/api/v1/namespaces/{ome_namespace}/pods")
    assert left == []


def _measured(
    runner: JobRunner, endpoint: Endpoint, task: Task, folder: Path, lines: list[str]
) -> Any:
    return measure(
        endpoint,
        task,
        POINT,
        folder=folder / "trial",
        place=Place.of(folder / "run", "dag/run", 0, 1),
        limit_s=120.0,
        settings=runner.settings,
        log=lines.append,
        runner=runner,
    )
