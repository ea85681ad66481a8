"""What the seed promises of its OME world, one test a promise: those that need no cluster.

The others are in ``tests/kubernetes/ome/test_seed.py``; both together are the list of promises.
What the OME world shares with Docker's (objectives, strategies …) is tested with that.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk import DAG
from tests.launchers.docker.orders import values_after
from tests.launchers.kubernetes.cluster_orders import cluster_order
from tests.launchers.ome import orders

from airtune.benchmark.client import client_argv, client_env
from airtune.benchmark.surroundings import on_host
from airtune.errors import TaskError, TrialFailed
from airtune.launchers.kubernetes import access
from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.capacity import never_fits
from airtune.launchers.kubernetes.pod_world import KubernetesWorld
from airtune.launchers.kubernetes.templates import as_json
from airtune.launchers.ome import checks
from airtune.launchers.ome.benchmark_job import JobOrder, manifest
from airtune.launchers.ome.conditions import judged
from airtune.launchers.ome.world import OmeWorld
from airtune.launchers.probe import Pending
from airtune.operators.graph import autotune
from airtune.operators.kubernetes_tasks import kubernetes_tasks, ome_tasks
from airtune.operators.preflight_kubernetes import resolve
from airtune.operators.request import KEYS, requested_task
from airtune.records import Endpoint, Role
from airtune.results.write import latest_file
from airtune.settings import Settings
from airtune.study.plan import PlannedTrial, make_plan
from airtune.task import Task, load_task, load_task_data, read_task
from airtune.task.client_way import resolved_client
from airtune.task.kubernetes import ClientPod
from airtune.testing.fake_cluster import FakeCluster

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "simple_task.json"
FIELDS = {
    "task_name", "description", "deployment_mode", "model.name", "model.namespace",
    "base_runtime", "parameters.tp_size", "parameters.mem_frac", "optimization.strategy",
    "optimization.objective", "optimization.max_iterations",
    "optimization.timeout_per_iteration", "benchmark.task", "benchmark.model_name",
    "benchmark.model_tokenizer", "benchmark.traffic_scenarios", "benchmark.num_concurrency",
    "benchmark.max_time_per_iteration", "benchmark.max_requests_per_iteration",
    "benchmark.additional_params",
}  # fmt: skip
"""All fields of the seed's task file."""

ENDPOINT = Endpoint(
    base_url="http://127.0.0.1:40001", model_name="llama-3-2-1b-instruct", trial_id=1
)
JOB = {"benchmark__client": "benchmark_job", "ome": {"output_claim": {"claim": "results"}}}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_INSTALLATION": "tests"})


@pytest.fixture(scope="module")
def dag() -> DAG:
    return autotune(ome_tasks())


def data(**changes: Any) -> dict[str, Any]:
    """The seed's task; ``benchmark__task=…`` changes a field of a group, None removes a field."""
    found: dict[str, Any] = json.loads(EXAMPLE.read_text())
    for name, value in changes.items():
        *groups, key = name.split("__")
        group = found.setdefault(groups[0], {}) if groups else found
        group[key] = value
        if value is None:
            del group[key]
    return found


def planned(task: Task, settings: Settings, role: Role = Role.SEARCH) -> list[PlannedTrial]:
    """The trials of one role."""
    return [trial for trial in make_plan(task, settings).trials if trial.role is role]


def service(task: Task, settings: Settings, role: Role = Role.SEARCH, **changes: Any) -> Json:
    """The InferenceService of the last trial of a task, on a runtime ``llama-rt``."""
    server = planned(task, settings, role)[-1].server
    wanted = orders.order(server=server, kubernetes={}, ome={})
    wanted = replace(wanted, kubernetes=task.kubernetes, ome=task.ome, **changes)
    (made,) = OmeWorld(settings).objects(orders.cluster(), wanted)
    return made


def runner(made: Json) -> Json:
    found: Json = made["spec"]["engine"]["runner"]
    return found


def dotted(value: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, inner in value.items():
        deep = isinstance(inner, dict) and key in {"model", "parameters", "optimization"}
        if deep or key == "benchmark":
            yield from dotted(inner, f"{key}.")
        else:
            yield above + key


def arguments(task: Task, settings: Settings) -> tuple[str, ...]:
    """genai-bench's command line at the first load point."""
    around = on_host(ENDPOINT, task, settings.home, settings, {})
    return client_argv(around, ENDPOINT, task, task.load_points[0])


# The task file


def test_the_seeds_own_task_file_is_accepted_as_it_is() -> None:
    written = dict(load_task_data(EXAMPLE))
    assert set(dotted(written)) == FIELDS
    read = load_task(EXAMPLE).model_dump(mode="json")
    read["deployment_mode"] = read["launcher"]
    for group, fields in written.items():
        if group == "parameters":
            assert {name: one["values"] for name, one in read[group].items()} == {
                name: one["values"] for name, one in fields.items()
            }
        elif isinstance(fields, dict):
            assert read[group].items() >= fields.items()
        else:
            assert read[group] == fields


@pytest.mark.parametrize("left_out", ["description", "deployment_mode"])
def test_description_and_deployment_mode_may_be_left_out(left_out: str) -> None:
    assert read_task(data(**{left_out: None})).launcher == "ome"


def test_model_name_is_the_base_model_and_namespace_is_kubernetes_own(settings: Settings) -> None:
    task = load_task(EXAMPLE)
    made = service(task, settings, model=task.model)
    assert made["spec"]["model"]["name"] == "llama-3-2-1b-instruct"
    assert made["spec"]["model"]["kind"] == "ClusterBaseModel"
    assert made["metadata"]["namespace"] == "autotuner"


@pytest.mark.parametrize("kind", ["ClusterServingRuntime", "ServingRuntime"])
def test_base_runtime_is_the_serving_runtime(kind: str, settings: Settings) -> None:
    task = read_task(data(ome={"runtime_kind": kind}))
    server = planned(task, settings)[-1].server
    wanted = replace(orders.order(server=server), runtime=task.base_runtime or "", ome=task.ome)
    api = orders.cluster()
    spec = orders.runtime_spec()
    folder = "" if kind.startswith("Cluster") else "/namespaces/tuner"
    api.add(
        f"/apis/ome.io/v1beta1{folder}/{kind.lower()}s",
        {"metadata": {"name": wanted.runtime}, "spec": spec},
    )
    (made,) = OmeWorld(settings).objects(api, wanted)
    assert made["spec"]["runtime"]["name"] == "llama-3-2-1b-instruct-sglang"
    assert made["spec"]["runtime"]["kind"] == kind


def test_the_engine_is_known_from_the_runtimes_name() -> None:
    assert load_task(EXAMPLE).engine == "sglang"
    with pytest.raises(TaskError, match="engine"):
        read_task(data(base_runtime="my-runtime"))


def test_grid_search_tries_every_combination_of_the_parameters(settings: Settings) -> None:
    task = read_task(data(parameters={"tp_size": [1, 2], "mem_frac": [0.8, 0.9]},
                          optimization__max_iterations=None))  # fmt: skip
    tried = [trial.parameters for trial in planned(task, settings)]
    everything = [{"tp_size": t, "mem_frac": m} for t in (1, 2) for m in (0.8, 0.9)]
    assert len(tried) == len(everything)
    assert all(combination in tried for combination in everything)


def test_the_tuned_arguments_reach_the_engines_runner(settings: Settings) -> None:
    space = {"tp_size": [2], "mem_frac": [0.9], "schedule-policy": ["lpm"]}
    args = runner(service(read_task(data(parameters=space)), settings))["args"]
    for flag, value in (
        ("--tp-size", "2"),
        ("--mem-fraction-static", "0.9"),
        ("--schedule-policy", "lpm"),
    ):
        assert args.count(flag) == 1
        assert values_after(args, flag) == value


def test_the_baseline_is_the_runtime_unmodified(settings: Settings) -> None:
    task = read_task(data(benchmark__model_name="llama"))
    assert "args" not in runner(service(task, settings, Role.BASELINE))


@pytest.mark.parametrize(
    ("added", "instead"),
    [
        ({"storage": {"type": "pvc"}}, "claim"),
        ({"gpu_type": "h100"}, 'In Kubernetes and OME write "kubernetes"'),
        ({"clusterbasemodel_config": {}}, "ome.model_spec"),
        ({"clusterservingruntime_config": {}}, "ome.runtime_spec"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_is_not_accepted_is_refused_with_what_to_write_instead(
    added: dict[str, Any], instead: str
) -> None:
    with pytest.raises(TaskError) as caught:
        read_task(data(**added))
    assert instead in str(caught.value)


@pytest.mark.parametrize("group", ["", "model__", "kubernetes__", "ome__", "benchmark__"])
def test_no_field_is_ignored_in_silence(group: str) -> None:
    with pytest.raises(TaskError, match="is an unknown key"):
        read_task(data(**{f"{group}no_such_field": 1}))


# The system


def test_the_flow_is_deploy_benchmark_delete_and_at_the_end_the_results(dag: DAG) -> None:
    assert dag.get_task("slot.deploy").downstream_task_ids == {"slot.benchmark"}
    assert "slot.teardown" in dag.get_task("slot.benchmark").downstream_task_ids
    assert "slot.teardown" in dag.get_task("reduce").upstream_task_ids


def test_the_world_is_chosen_by_the_task_and_by_the_dag(dag: DAG, settings: Settings) -> None:
    conf = {"task": data()}
    assert dag.dag_id == "autotune_ome"
    assert autotune(kubernetes_tasks()).dag_id == "autotune_kubernetes"
    assert requested_task(conf, dict.fromkeys(KEYS) | conf, "ome", settings)
    with pytest.raises(TaskError, match="Run it with autotune_ome"):
        requested_task(conf, dict.fromkeys(KEYS) | conf, "docker", settings)


def test_world_and_benchmark_way_are_separate_choices(settings: Settings) -> None:
    ways = [
        read_task(data(benchmark__additional_params=None, **changes))
        for changes in ({"benchmark__client": "cli"}, {"benchmark__client": "container"}, JOB)
    ]
    assert [resolved_client(task) for task in ways] == ["cli", "container", "benchmark_job"]
    servers = [[trial.server for trial in planned(task, settings)] for task in ways]
    assert servers[0] == servers[1] == servers[2]


@pytest.mark.parametrize("launcher", ["docker", "kubernetes"])
def test_the_benchmark_job_is_of_ome_only(launcher: str) -> None:
    task = data(deployment_mode=launcher, base_runtime="sglang", benchmark__client="benchmark_job")
    with pytest.raises(TaskError, match="is OME's"):
        read_task(task)


def test_the_direct_cli_is_a_full_alternative_to_genai_benchs_image(settings: Settings) -> None:
    task = read_task(data(benchmark__client="cli"))
    assert resolved_client(task) == "cli"
    words = arguments(task, settings)
    assert Path(words[0]).name == "genai-bench"
    assert values_after(words, "--api-base") == ENDPOINT.base_url
    assert len(planned(task, settings)) == len(planned(load_task(EXAMPLE), settings))


def test_the_kubeconfig_path_is_a_field_of_the_task(settings: Settings, tmp_path: Path) -> None:
    lab = tmp_path / "lab.kubeconfig"
    lab.write_text(json.dumps(_a_kubeconfig()))
    assert read_task(data(kubernetes={"kubeconfig": str(lab)})).kubernetes.kubeconfig == str(lab)
    with pytest.raises(TrialFailed) as refused, access.connect(settings, str(lab)):
        pass
    assert "AIRTUNE_KUBECONFIGS" in refused.value.failure.reason
    allowed = replace(settings, cluster=replace(settings.cluster, kubeconfigs=(str(lab),)))
    with access.connect(allowed, str(lab)) as api:
        assert api.client.configuration.host == "https://lab.example.com:6443"


def _a_kubeconfig() -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://lab.example.com:6443"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def test_the_model_path_is_a_folder_of_the_nodes(tmp_path: Path, settings: Settings) -> None:
    task = read_task(data(deployment_mode="kubernetes", base_runtime="sglang"))
    for root, wanted in ((None, "/mnt/data/models"), ("/srv/models", "/srv/models")):
        known = settings if root is None else replace(settings, model_root=root)
        server = planned(task, known)[0].server
        made = cluster_order(tmp_path, server=server, model=task.model)
        pod, _ = KubernetesWorld(known).objects(FakeCluster("autotuner"), made)
        (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == "model"]
        assert volume["hostPath"] == {"path": f"{wanted}/{task.model.name}", "type": "Directory"}
    assert "model_path" in autotune(kubernetes_tasks()).params


# OME world


def test_label_values_are_always_quoted_strings(settings: Settings) -> None:
    made = service(load_task(EXAMPLE), settings, slot=7, trial_id=12, run="true")
    labels = made["metadata"]["labels"]
    assert {labels["airtune/slot"], labels["airtune/trial"]} == {"7", "12"}
    assert all(isinstance(value, str) for value in labels.values())
    assert yaml.safe_load(as_json(labels)) == labels
    assert '"airtune/slot": "7"' in as_json(labels)


def test_environment_variables_of_kubernetes_survive_rendering(settings: Settings) -> None:
    task = read_task(data(env={"CACHE": "$(HOME)/x"}, engine_args={"log-level": "$(LEVEL)"}))
    found = runner(service(task, settings))
    assert values_after(found["args"], "--model-path") == "$(MODEL_PATH)"
    assert values_after(found["args"], "--log-level") == "$(LEVEL)"
    assert {"name": "CACHE", "value": "$(HOME)/x"} in found["env"]


def test_jinja2_templates_make_the_manifests(tmp_path: Path, settings: Settings) -> None:
    own = (ROOT / "include/templates/ome/inference_service.yaml.j2").read_text()
    (tmp_path / "mine.yaml.j2").write_text(own.replace("maxReplicas: 1", "maxReplicas: 1\n    "
                                                       "priorityClassName: high"))  # fmt: skip
    mine = replace(settings, cluster=replace(settings.cluster, template_dir=str(tmp_path)))
    task = read_task(data(kubernetes={"template": "mine.yaml.j2"}))
    assert service(task, mine)["spec"]["engine"]["priorityClassName"] == "high"


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False)])
def test_an_inference_service_is_ready_by_its_ready_condition(status: str, ready: bool) -> None:
    conditions = [{"type": "Ready", "status": status}]
    told = judged({"metadata": {"name": "x"}, "status": {"conditions": conditions}}, [])
    assert (told is None) is ready
    assert ready or isinstance(told, Pending)


def test_a_benchmark_job_has_an_output_storage() -> None:
    job = JobOrder(
        server=orders.handle({"metadata": {"name": "s", "namespace": "tuner", "uid": "u"}}),
        installation="i",
        run="r",
        slot=0,
        attempt=1,
        trial_id=1,
        task="text-to-text",
        scenario="D(100,100)",
        concurrency=4,
        minutes=10,
        requests=80,
        claim="results",
        inside="here",
        leaf="one",
        folder="raw",
        into=Path("/nowhere"),
        image="genai-bench:1",
        env={},
        client=ClientPod(),
        capacity_limit_s=1,
        pull_limit_s=1,
    )
    spec = manifest(job)["spec"]
    assert spec["outputLocation"] == {"storageUri": "pvc://results/here/one"}
    assert spec["endpoint"]["inferenceService"] == {"name": "s", "namespace": "tuner"}
    assert (spec["trafficScenarios"], spec["numConcurrency"]) == (["D(100,100)"], [4])
    assert (spec["maxTimePerIteration"], spec["maxRequestsPerIteration"]) == (10, 80)


def test_a_benchmark_job_without_an_output_storage_is_refused() -> None:
    with pytest.raises(TaskError, match="writes its results to a PVC"):
        read_task(data(benchmark__client="benchmark_job", benchmark__additional_params=None))


def test_a_benchmark_job_that_would_drop_request_parameters_is_refused() -> None:
    with pytest.raises(TaskError, match="additionalRequestParams"):
        read_task(data(**JOB))


@pytest.mark.parametrize("example", ["simple_task.json", "ome_sglang_slo.yaml"])
def test_there_are_example_resources_for_the_models_and_runtimes_of_the_examples(
    example: str,
) -> None:
    files = sorted((ROOT / "examples" / "ome").glob("*.yaml"))
    found = [one for file in files for one in yaml.safe_load_all(file.read_text())]
    there = {(one["kind"], one["metadata"]["name"]) for one in found}
    task = load_task(ROOT / "examples" / example)
    assert (task.ome.model_kind, task.model.name) in there
    assert (task.ome.runtime_kind, task.base_runtime) in there
    assert ("Namespace", task.model.namespace) in there


def test_the_crds_are_checked_and_the_guide_is_named(settings: Settings) -> None:
    (problem,) = checks.problems(FakeCluster("autotuner"), load_task(EXAMPLE), settings)
    assert "inferenceservices.ome.io" in problem.reason
    assert "docs/ome-installation.md" in problem.fix
    assert (ROOT / "docs" / "ome-installation.md").is_file()


def test_a_cluster_without_gpus_is_noticed_before_anything_is_started(settings: Settings) -> None:
    """Minikube's docker driver is such a one."""
    api = FakeCluster("autotuner")
    node = {"metadata": {"name": "minikube", "labels": {}}, "spec": {}, "status": {}}
    api.add("/api/v1/nodes", node | {"status": {"allocatable": {"cpu": "8", "memory": "16Gi"}}})
    task = read_task(data(deployment_mode="kubernetes", base_runtime="sglang"))
    server = planned(task, settings)[0].server
    options = task.kubernetes
    made = cluster_order(settings.home, server=server, model=task.model, kubernetes=options)
    pod, _ = KubernetesWorld(settings).objects(api, made)
    assert "nvidia.com/gpu" in (never_fits(api, pod) or "")
    assert resolve(task, api) == task


# Benchmark


def test_the_benchmarks_fields_reach_genai_bench(settings: Settings) -> None:
    words = arguments(load_task(EXAMPLE), settings)
    asked = {
        "--task": "text-to-text",
        "--api-model-name": "llama-3-2-1b-instruct",
        "--model-tokenizer": "meta-llama/Llama-3.2-1B-Instruct",
        "--traffic-scenario": "D(100,100)",
        "--num-concurrency": "1",
        "--max-time-per-run": "10",
        "--max-requests-per-run": "80",
    }
    assert {flag: values_after(words, flag) for flag in asked} == asked


def test_types_of_additional_params_matter(settings: Settings) -> None:
    words = arguments(load_task(EXAMPLE), settings)
    sent = json.loads(values_after(words, "--additional-request-params"))
    assert isinstance(sent["temperature"], float)


def test_an_api_key_is_given_even_for_local_servers(settings: Settings) -> None:
    assert values_after(arguments(load_task(EXAMPLE), settings), "--api-key")


def test_a_tokenizer_may_be_a_local_path_and_is_then_used_offline(settings: Settings) -> None:
    (settings.home / "tok").mkdir()
    task = read_task(data(benchmark__model_tokenizer="tok"))
    around = on_host(ENDPOINT, task, settings.home, settings, {})
    words = client_argv(around, ENDPOINT, task, task.load_points[0])
    assert values_after(words, "--model-tokenizer") == str(settings.home / "tok")
    assert client_env(around)["HF_HUB_OFFLINE"] == "1"


# Outputs


def test_task_name_names_the_result_file(settings: Settings) -> None:
    path = latest_file(load_task(EXAMPLE).task_name, settings)
    assert path == settings.home / "results" / "ome-simple_results.json"


def test_documents_are_there_for_ome_benchmark_logs_and_troubleshooting() -> None:
    ome = (ROOT / "docs" / "ome-installation.md").read_text()
    assert "kubectl apply --server-side" in ome
    assert "Minikube's docker driver has no GPUs" in ome
    assert "kubectl get crd" in ome
    logs = (ROOT / "docs" / "genai-bench-logs.md").read_text()
    assert "## Following a run live" in logs
    assert "(ome-installation.md" in (ROOT / "docs" / "troubleshooting.md").read_text()
