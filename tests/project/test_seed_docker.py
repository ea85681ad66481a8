"""What the seed promises of its Docker world, one test a promise: those that need no engine.

The others are in ``tests/docker/test_seed.py``; both together are the list of promises.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from docker.types import Mount
from tests.launchers.docker.orders import GPUS, order, values_after

from airtune.benchmark.client import client_argv, client_env
from airtune.benchmark.surroundings import in_container, on_host
from airtune.engines import get_engine
from airtune.errors import TaskError
from airtune.launchers.docker.spec import ContainerSpec, container_spec
from airtune.operators.docker_tasks import docker_tasks
from airtune.operators.graph import autotune
from airtune.operators.request import KEYS, requested_task
from airtune.records import Endpoint, LoadPoint, Role
from airtune.results.write import latest_file
from airtune.scoring.objectives import objective_of
from airtune.settings import DockerHost, Settings
from airtune.study.plan import PlannedTrial, make_plan
from airtune.task import Task, load_task, load_task_data, read_task
from airtune.task.client_way import resolved_client
from airtune.task.model import Model

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "docker_task.json"
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
LIMIT = {"threshold": 1.0, "weight": 2, "hard_fail": True, "fail_ratio": 0.5}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(tmp_path), "AIRTUNE_DEVICES": "gpu0..3"})


@pytest.fixture(scope="module")
def dag() -> DAG:
    return autotune(docker_tasks())


def data(**changes: Any) -> dict[str, Any]:
    """The seed's task; ``benchmark__task=…`` changes a field of a group, None removes a field."""
    found: dict[str, Any] = json.loads(EXAMPLE.read_text())
    for name, value in changes.items():
        *groups, key = name.split("__")
        group = found[groups[0]] if groups else found
        group[key] = value
        if value is None:
            del group[key]
    return found


def planned(task: Task, settings: Settings, role: Role = Role.SEARCH) -> list[PlannedTrial]:
    """The trials of one role."""
    return [trial for trial in make_plan(task, settings).trials if trial.role is role]


def spec_of(task: Task, settings: Settings, index: int = 0) -> ContainerSpec:
    """The container of a search trial on two GPUs."""
    server = planned(task, settings)[index].server
    wanted = order(settings.home, server, model=task.model, devices=GPUS)
    return container_spec(wanted, settings.docker_host(), settings, digest="sha256:1")


def model_mount(spec: ContainerSpec) -> Mount:
    """What is mounted at ``/model``."""
    (mount,) = [mount for mount in spec.host["mounts"] if mount["Target"] == "/model"]
    return mount


def arguments(task: Task, settings: Settings) -> tuple[str, ...]:
    """genai-bench's command line at the first load point."""
    around = on_host(ENDPOINT, task, settings.home, settings, {})
    return client_argv(around, ENDPOINT, task, task.load_points[0])


def dotted(value: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, inner in value.items():
        deep = isinstance(inner, dict) and key in {"model", "parameters", "optimization"}
        if deep or key == "benchmark":
            yield from dotted(inner, f"{key}.")
        else:
            yield above + key


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
    assert read_task(data(**{left_out: None})).launcher == "docker"


def test_task_name_names_the_result_file(settings: Settings) -> None:
    task = read_task(data(task_name="mine"))
    path = latest_file(task.task_name, settings)
    assert path == settings.home / "results" / "mine_results.json"


@pytest.mark.parametrize("engine", ["sglang", "vllm"])
def test_base_runtime_is_the_engine(engine: str, settings: Settings) -> None:
    task = read_task(data(base_runtime=engine))
    assert {trial.server.engine for trial in planned(task, settings)} == {engine}


def test_grid_search_tries_every_combination_of_the_parameters(settings: Settings) -> None:
    tried = [trial.parameters for trial in planned(load_task(EXAMPLE), settings)]
    everything = [{"tp_size": t, "mem_frac": m} for t in (1, 2) for m in (0.7, 0.8, 0.9)]
    assert len(tried) == len(everything)
    assert all(combination in tried for combination in everything)


def test_parameters_may_be_plain_lists(settings: Settings) -> None:
    task = read_task(data(parameters={"tp_size": [1, 2], "mem_frac": [0.7, 0.8, 0.9]}))
    assert planned(task, settings) == planned(load_task(EXAMPLE), settings)


@pytest.mark.parametrize(
    ("objective", "maximize"),
    [
        ("minimize_latency", False),
        ("maximize_throughput", True),
        ("minimize_ttft", False),
        ("minimize_tpot", False),
    ],
)
def test_objectives_are_known(objective: str, maximize: bool) -> None:
    task = read_task(data(optimization__objective=objective))
    assert objective_of(task).maximize is maximize


def test_max_iterations_caps_the_trials(settings: Settings) -> None:
    task = read_task(data(optimization__max_iterations=2))
    assert len(planned(task, settings)) == 2


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


def test_every_scenario_is_measured_at_every_concurrency() -> None:
    task = read_task(data(benchmark__traffic_scenarios=["D(100,100)", "N(480,240)/(300,150)"]))
    assert [(point.scenario, point.concurrency) for point in task.load_points] == [
        ("D(100,100)", 1),
        ("D(100,100)", 4),
        ("N(480,240)/(300,150)", 1),
        ("N(480,240)/(300,150)", 4),
    ]
    assert task.load_points[0] == LoadPoint(scenario="D(100,100)", concurrency=1)


def test_types_of_additional_params_matter(settings: Settings) -> None:
    sent = json.loads(
        values_after(arguments(load_task(EXAMPLE), settings), "--additional-request-params")
    )
    assert isinstance(sent["temperature"], float)
    with pytest.raises(TaskError, match=r"Write 0\.0 without the quotes"):
        read_task(data(benchmark__additional_params={"temperature": "0.0"}))


@pytest.mark.parametrize(
    "added",
    [
        {"model__id_or_path": "meta-llama/Llama-3.2-1B-Instruct"},
        {"model__id_or_path": "folder-of-the-model-path"},
        {"runtime_image_tag": "v0.5.2-cu126"},
        {"slo": {"latency": {"p50": LIMIT, "p90": LIMIT, "p99": LIMIT}, "steepness": 0.1}},
        {"slo": {"ttft": LIMIT, "tpot": LIMIT}},
        {"quant_config": {"gemm_dtype": "fp8"}},
        {"quant_config": {"presets": ["default", "kv-cache-fp8"]}},
        {"parallel_config": {"tp": [1, 2]}, "parameters": {"mem_frac": [0.7]}},
        {"optimization__seed": 7},
        {"optimization__strategy": "random"},
        {"parameters": {"tp_size": {"type": "categorical", "values": [1, 2]}}},
        {"parameters": {"max-running-requests": {"type": "integer", "low": 1, "high": 8}}},
        {
            "parameters": {
                "mem_frac": {"type": "continuous", "low": 0.5, "high": 0.9, "log": True}
            },
            "optimization__strategy": "random",
        },
    ],
    ids=lambda added: " ".join(added),
)
def test_what_the_successor_added_is_accepted(added: dict[str, Any], settings: Settings) -> None:
    task = read_task(data(**added))
    assert task != load_task(EXAMPLE), "it was ignored"
    assert planned(task, settings)


@pytest.mark.parametrize(
    ("added", "instead"),
    [
        ({"storage": {"type": "pvc"}}, "put the folder under the model root"),
        ({"gpu_type": "h100"}, "AIRTUNE_DEVICES"),
        ({"benchmark__dataset_url": "https://example.com/a.csv"}, "traffic_scenarios"),
        ({"optimization__strategy": "bayesian"}, 'Write "random"'),
        ({"optimization__n_initial_random": 5}, 'strategies are "grid_search" and "random"'),
        ({"optimization__study_name": "s"}, "the same task continues its study"),
        ({"optimization__storage": "sqlite:///x.db"}, "AIRTUNE_STORE_URL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_is_not_accepted_is_refused_with_what_to_write_instead(
    added: dict[str, Any], instead: str
) -> None:
    with pytest.raises(TaskError) as caught:
        read_task(data(**added))
    assert instead in str(caught.value)


@pytest.mark.parametrize("group", ["", "model__", "optimization__", "benchmark__"])
def test_no_field_is_ignored_in_silence(group: str) -> None:
    with pytest.raises(TaskError, match="is an unknown key"):
        read_task(data(**{f"{group}no_such_field": 1}))


# The system


def test_the_flow_is_deploy_benchmark_delete_and_at_the_end_the_results(dag: DAG) -> None:
    assert dag.get_task("slot.deploy").downstream_task_ids == {"slot.benchmark"}
    assert "slot.teardown" in dag.get_task("slot.benchmark").downstream_task_ids
    assert "slot.teardown" in dag.get_task("reduce").upstream_task_ids


def test_the_docker_world_needs_no_kubernetes() -> None:
    code = (
        "import sys; sys.modules['kubernetes'] = None\n"
        "import airtune.launchers.docker.launcher, airtune.launchers.docker.client\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_world_is_chosen_by_the_task_and_by_the_dag(dag: DAG, settings: Settings) -> None:
    conf = {"task": data()}
    assert dag.dag_id == "autotune_docker"
    assert requested_task(conf, dict.fromkeys(KEYS) | conf, "docker", settings)
    with pytest.raises(TaskError, match="Run it with autotune_docker"):
        requested_task(conf, dict.fromkeys(KEYS) | conf, "local", settings)


def test_world_and_benchmark_way_are_separate_choices(settings: Settings) -> None:
    cli, container = (read_task(data(benchmark__client=way)) for way in ("cli", "container"))
    for host in (DockerHost(), DockerHost(name="far", url="tcp://far:2376")):
        assert resolved_client(cli, host) == "cli"
        assert resolved_client(container, host) == "container"
    servers = [[trial.server for trial in planned(task, settings)] for task in (cli, container)]
    assert servers[0] == servers[1]


def test_the_direct_cli_goes_straight_to_the_endpoint(settings: Settings) -> None:
    task = load_task(EXAMPLE)
    assert resolved_client(task, settings.docker_host()) == "cli"
    words = arguments(task, settings)
    assert Path(words[0]).name == "genai-bench"
    assert values_after(words, "--api-base") == ENDPOINT.base_url


def test_the_benchmark_job_is_of_ome_only() -> None:
    with pytest.raises(TaskError, match="is OME's, and this task is for docker"):
        read_task(data(benchmark__client="benchmark_job"))


# Docker world


@pytest.mark.parametrize("engine", ["sglang", "vllm"])
def test_container_command_is_a_list_never_a_shell_string(engine: str, settings: Settings) -> None:
    create = spec_of(read_task(data(base_runtime=engine)), settings).create
    words = [*create["entrypoint"], *create["command"]]
    program = get_engine(engine).program
    assert tuple(words[: len(program)]) == program
    assert all(isinstance(word, str) and " " not in word for word in words)
    assert not {"sh", "bash", "-c"} & set(words)


def test_gpus_by_device_request_never_cuda_visible_devices(settings: Settings) -> None:
    spec = spec_of(load_task(EXAMPLE), settings)
    (request,) = spec.host["device_requests"]
    assert (request["DeviceIDs"], request["Capabilities"]) == (["0", "1"], [["gpu"]])
    assert "CUDA_VISIBLE_DEVICES" not in spec.create["environment"]
    with pytest.raises(TaskError, match="the launcher gives each its own devices"):
        read_task(data(env={"CUDA_VISIBLE_DEVICES": "0"}))


def test_the_engine_chooses_a_free_host_port(settings: Settings) -> None:
    assert spec_of(load_task(EXAMPLE), settings).host["port_bindings"] == {
        8000: ("127.0.0.1", None)
    }


def test_the_model_path_is_mnt_data_models_unless_said_otherwise(settings: Settings) -> None:
    mount = model_mount(spec_of(load_task(EXAMPLE), settings))
    assert mount["Source"] == "/mnt/data/models/llama-3-2-1b-instruct"
    assert (mount["Type"], mount["ReadOnly"]) == ("bind", True)
    other = replace(settings, model_root="/srv/models")
    mount = model_mount(spec_of(load_task(EXAMPLE), other))
    assert mount["Source"] == "/srv/models/llama-3-2-1b-instruct"


def test_the_model_path_is_a_parameter_of_the_run(dag: DAG, settings: Settings) -> None:
    assert "model_path" in dag.params
    conf = {"task": data(), "model_path": "/data/models"}
    task = requested_task(conf, dict.fromkeys(KEYS) | conf, "docker", settings)
    mount = model_mount(spec_of(task, settings))
    assert mount["Source"] == "/data/models/llama-3-2-1b-instruct"
    assert "/model" in spec_of(task, settings).create["command"]


def test_id_or_path_is_a_hub_id_or_a_folder_under_the_model_path(settings: Settings) -> None:
    folder = read_task(data(model__id_or_path="llama-folder"))
    assert model_mount(spec_of(folder, settings))["Source"] == "/mnt/data/models/llama-folder"
    hub = Model(name="x", id_or_path="meta-llama/Llama-3.2-1B-Instruct")
    command = spec_of(read_task(data(model=hub.model_dump(exclude_none=True))), settings)
    assert "meta-llama/Llama-3.2-1B-Instruct" in command.create["command"]


@pytest.mark.parametrize(
    ("engine", "flags"),
    [
        ("sglang", {"--tp-size": "2", "--mem-fraction-static": "0.9"}),
        ("vllm", {"--tensor-parallel-size": "2", "--gpu-memory-utilization": "0.9"}),
    ],
)
def test_tp_size_and_mem_frac_mean_the_engines_own_flags(
    engine: str, flags: dict[str, str], settings: Settings
) -> None:
    space = {"tp_size": [2], "mem_frac": [0.9]}
    command = spec_of(read_task(data(base_runtime=engine, parameters=space)), settings).create
    assert {flag: values_after(command["command"], flag) for flag in flags} == flags


@pytest.mark.parametrize("engine", ["sglang", "vllm"])
def test_servers_listen_on_all_addresses_inside_and_readiness_is_health(
    engine: str, settings: Settings
) -> None:
    task = read_task(data(base_runtime=engine))
    assert values_after(spec_of(task, settings).create["command"], "--host") == "0.0.0.0"
    assert {trial.server.health_path for trial in planned(task, settings)} == {"/health"}


# Benchmark


def test_an_api_key_is_given_even_for_local_servers(settings: Settings) -> None:
    assert values_after(arguments(load_task(EXAMPLE), settings), "--api-key")


def test_a_tokenizer_that_is_cached_is_used_offline(settings: Settings) -> None:
    task, cache = load_task(EXAMPLE), settings.home / "hub"
    environ = {"HF_HUB_CACHE": str(cache)}
    around = on_host(ENDPOINT, task, settings.home, settings, environ)
    assert "HF_HUB_OFFLINE" not in client_env(around)
    repository = cache / "models--meta-llama--Llama-3.2-1B-Instruct"
    (repository / "snapshots" / "1").mkdir(parents=True)
    (repository / "snapshots" / "1" / "tokenizer.json").touch()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1")
    around = on_host(ENDPOINT, task, settings.home, settings, environ)
    assert client_env(around)["HF_HUB_OFFLINE"] == "1"


def test_a_tokenizer_may_be_a_local_path(settings: Settings) -> None:
    folder = settings.home / "tok"
    folder.mkdir()
    task = read_task(data(benchmark__model_tokenizer="tok"))
    here = on_host(ENDPOINT, task, settings.home, settings, {})
    inside = in_container("http://server:8000", task, settings.home, settings, {})
    assert values_after(arguments(task, settings), "--model-tokenizer") == str(folder)
    assert list(inside.bring.values()) == [folder]
    for around in (here, inside):
        assert client_env(around)["HF_HUB_OFFLINE"] == "1"


# Outputs


def test_documents_are_there_for_docker_mode_benchmark_logs_and_troubleshooting() -> None:
    mode = (ROOT / "docs" / "docker-mode.md").read_text()
    assert "## Logs and results" in mode
    assert "genai-bench's output, live" in mode
    assert "(troubleshooting.md)" in mode
    assert "benchmark_error" in (ROOT / "docs" / "troubleshooting.md").read_text()


def test_the_models_namespace_is_a_label(settings: Settings) -> None:
    task = read_task(data())
    assert task.model.namespace == "autotuner"
    assert spec_of(task, settings).labels["airtune/namespace"] == "autotuner"
