"""What a task file says, and what is filled in."""

import copy

import pytest

from airtune.errors import TaskError
from airtune.records import LoadPoint
from airtune.task import read_task
from airtune.task.parameters import Choice, Range


def test_the_seed_form_is_read_as_it_is(make):
    task = read_task(make({}))

    assert (task.launcher, task.engine) == ("docker", "sglang")
    assert task.parameters["tp_size"] == Choice(values=[1, 2])
    assert task.optimization.timeout_per_iteration == 600
    assert task.benchmark.additional_params == {"temperature": 0.0}
    assert task.load_points == (
        LoadPoint(scenario="D(100,100)", concurrency=1),
        LoadPoint(scenario="D(100,100)", concurrency=4),
    )


def test_reading_leaves_the_data_unchanged(make):
    data = make({"benchmark/model_name": None})
    del data["benchmark"]["model_name"], data["deployment_mode"]
    before = copy.deepcopy(data)

    read_task(data)

    assert data == before


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ([1, 2], Choice(values=[1, 2])),
        ({"values": [1, 2]}, Choice(values=[1, 2])),
        ({"type": "categorical", "values": ["a", None]}, Choice(values=["a", None])),
        ({"type": "categorical", "choices": [True, False]}, Choice(values=[True, False])),
        ([[1, 2], [3, 4]], Choice(values=[[1, 2], [3, 4]])),
        ({"type": "integer", "low": 1, "high": 8}, Range(type="integer", low=1, high=8)),
        (
            {"type": "continuous", "low": 0.5, "high": 1, "step": 0.1},
            Range(type="continuous", low=0.5, high=1, step=0.1),
        ),
    ],
)
def test_every_spelling_of_a_parameter_is_read(make, form, read):
    assert read_task(make({"parameters/x": form})).parameters["x"] == read


def test_values_keep_their_types(make):
    values = read_task(make({"parameters/x": [1, 1.0, True, "1x", None]})).parameters["x"].values

    assert [type(value) for value in values] == [int, float, bool, str, type(None)]


@pytest.mark.parametrize(
    ("runtime", "engine", "launcher"),
    [
        ("sglang", "sglang", "docker"),
        ("vllm", "vllm", "docker"),
        ("llama-3-2-1b-instruct-sglang", "sglang", "ome"),
        ("vllm-small", "vllm", "ome"),
    ],
)
def test_runtime_tells_engine_and_launcher(make, without, runtime, engine, launcher):
    task = read_task(make({"deployment_mode": without, "base_runtime": runtime}))

    assert (task.engine, task.launcher) == (engine, launcher)


def test_the_dag_gives_the_launcher_where_the_file_names_none(make, without):
    data = make({"deployment_mode": without})

    assert read_task(data, launcher="kubernetes").launcher == "kubernetes"


def test_task_of_another_launcher_than_the_dag_is_refused(make):
    with pytest.raises(TaskError, match='Run it with autotune_docker, or write "local"'):
        read_task(make({}), launcher="local")


def test_launcher_may_be_called_launcher(make, without):
    task = read_task(make({"deployment_mode": without, "launcher": "docker"}))

    assert task.launcher == "docker"


def test_llama_cpp_is_known_by_its_own_spelling(make, without):
    task = read_task(
        make(
            {
                "deployment_mode": without,
                "base_runtime": without,
                "engine": "llama.cpp",
                "model": {"path": "var/models/tiny.gguf"},
                "parameters": {"parallel": [1, 2]},
            }
        )
    )

    assert (task.engine, task.launcher, task.model.name) == ("llama_cpp", "local", "tiny.gguf")


def test_names_left_out_come_from_the_model(make, without):
    task = read_task(
        make(
            {
                "model": {"id_or_path": "meta-llama/Llama-3.2-1B-Instruct"},
                "benchmark/model_name": without,
                "benchmark/model_tokenizer": without,
            }
        )
    )

    assert task.model.name == "Llama-3.2-1B-Instruct"
    assert task.model.hub_id == "meta-llama/Llama-3.2-1B-Instruct"
    assert task.benchmark.model_name == "Llama-3.2-1B-Instruct"
    assert task.benchmark.model_tokenizer == "meta-llama/Llama-3.2-1B-Instruct"


def test_weights_default_to_one(make):
    task = read_task(make({"benchmark/weights": {"D(100,100)@4": 2.5}}))

    assert [task.weight(point) for point in task.load_points] == [1.0, 2.5]


def test_longest_request_is_the_one_that_needs_most_context(make):
    task = read_task(make({"benchmark/traffic_scenarios": ["D(900,50)", "D(100,600)"]}))

    assert task.longest_request() == (900, 50)


def test_own_constraints_and_objective_are_read(make):
    task = read_task(
        make(
            {
                "constraints": {"ttft_ms": {"p99": 500}, "error_rate": 0.01, "requests_per_s": 2},
                "optimization/objective": {
                    "metric": "ttft_ms",
                    "statistic": "p90",
                    "direction": "minimize",
                },
            }
        )
    )

    assert task.constraints["ttft_ms"] == {"p99": 500}
    assert task.optimization.objective.statistic == "p90"
