"""Every problem says path, value, reason and fix."""

from typing import Any

import pytest

from airtune.errors import TaskError
from airtune.task import read_task

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "number in quotes": (
        {"optimization/timeout_per_iteration": "600"},
        "optimization.timeout_per_iteration",
        "= '600': is text, not a number. Write 600 without the quotes.",
    ),
    "temperature in quotes": (
        {"benchmark/additional_params": {"temperature": "0.0"}},
        "benchmark.additional_params.temperature",
        "= '0.0': is text where a number or boolean is meant. Write 0.0 without the quotes",
    ),
    "engine value in quotes": (
        {"parameters/mem_frac": ["0.8"]},
        "parameters.mem_frac.values[0]",
        "is a number in quotes. Write 0.8 without the quotes.",
    ),
    "boolean in quotes": (
        {"rerun": "true"},
        "rerun",
        "= 'true': is text, not true or false. Write true without the quotes.",
    ),
    "boolean for a number": (
        {"optimization/max_iterations": True},
        "optimization.max_iterations",
        "= True: is not a whole number. Write for example 20.",
    ),
    "fraction for a whole number": (
        {"benchmark/max_time_per_iteration": 1.5},
        "benchmark.max_time_per_iteration",
        "= 1.5: is not a whole number. Write 2 without a decimal point.",
    ),
    "number for a text": (
        {"model/namespace": 7},
        "model.namespace",
        '= 7: is 7, not a text. Write "7" in quotes.',
    ),
    "one value for a list": (
        {"benchmark/num_concurrency": 4},
        "benchmark.num_concurrency",
        "= 4: is not a list. Write [4].",
    ),
    "text for an object": (
        {"model": "llama"},
        "model",
        '= \'llama\': is not an object. Write for example {"name": "llama-3-2-1b-instruct"}.',
    ),
    "null for an object": (
        {"benchmark/additional_params": None},
        "benchmark.additional_params",
        'is null, not an object. Write for example {"temperature": 0.0}.',
    ),
    "null for what is needed": ({"optimization": None}, "optimization", "is missing."),
    "number for a limit": (
        {"slo": {"ttft": 1.0}},
        "slo.ttft",
        'is not an object. Write for example {"threshold": 1.0}.',
    ),
    "zero concurrency": (
        {"benchmark/num_concurrency": [0]},
        "benchmark.num_concurrency[0]",
        "= 0: is out of range: it must be at least 1.",
    ),
    "empty list": (
        {"benchmark/traffic_scenarios": []},
        "benchmark.traffic_scenarios",
        'is empty. Write for example ["D(100,100)"].',
    ),
    "value twice": (
        {"benchmark/num_concurrency": [4, 4]},
        "benchmark.num_concurrency[1]",
        "stands there twice.",
    ),
    "one output token": (
        {"benchmark/traffic_scenarios": ["D(100,1)"]},
        "benchmark.traffic_scenarios[0]",
        "'D(100,1)'",
    ),
    "no scenario": (
        {"benchmark/traffic_scenarios": ["D100"]},
        "benchmark.traffic_scenarios[0]",
        "D(input,output)",
    ),
    "scenario of unknown length": (
        {"benchmark/traffic_scenarios": ["dataset"]},
        "benchmark.traffic_scenarios[0]",
        "is a scenario whose request length is not known",
    ),
    "fewer requests than users": (
        {"benchmark/max_requests_per_iteration": 3},
        "benchmark.max_requests_per_iteration",
        "= 3: is less than the highest concurrency (4)",
    ),
    "weight of no load point": (
        {"benchmark/weights": {"D(100,100)@5": 1.0}},
        "benchmark.weights.D(100,100)@5",
        'Did you mean "D(100,100)@4"?',
    ),
    "output length in two places": (
        {"benchmark/additional_params": {"max_tokens": 10}},
        "benchmark.additional_params.max_tokens",
        "write the length into traffic_scenarios",
    ),
    "unknown engine": (
        {"engine": "sglnag", "base_runtime": None},
        "engine",
        "= 'sglnag': is no engine. Did you mean \"sglang\"?",
    ),
    "unknown launcher": (
        {"deployment_mode": "dokcer"},
        "deployment_mode",
        'Did you mean "docker"?',
    ),
    "unknown objective": (
        {"optimization/objective": "maximise_throughput"},
        "optimization.objective",
        'is no objective. Did you mean "maximize_throughput"?',
    ),
    "unknown metric": (
        {"optimization/objective": {"metric": "ttft", "direction": "minimize"}},
        "optimization.objective.metric",
        'is no metric. Did you mean "ttft_ms"?',
    ),
    "worst is best": (
        {"optimization/objective": {"metric": "ttft_ms", "direction": "maximize"}},
        "optimization.objective.direction",
        'would look for the worst ttft_ms. Write "minimize".',
    ),
    "percentile of a rate": (
        {
            "optimization/objective": {
                "metric": "requests_per_s",
                "statistic": "p99",
                "direction": "maximize",
            }
        },
        "optimization.objective.statistic",
        "does not exist for requests_per_s",
    ),
    "task name with a path": (
        {"task_name": "../evil"},
        "task_name",
        'Write "evil".',
    ),
    "model name that leaves its folder": (
        {"model/name": "a/../../b"},
        "model.name",
        "leaves its folder by '..'.",
    ),
    "absolute model name": (
        {"model/name": "/data/m"},
        "model.name",
        'Write "path": "/data/m" for a path on this host (local), or "root": "/data" and "name": '
        '"m" (Docker).',
    ),
    "name that looks like a flag": (
        {"benchmark/model_tokenizer": "--help"},
        "benchmark.model_tokenizer",
        "begins with a dash",
    ),
    "line break in a name": (
        {"benchmark/model_name": "a\nb"},
        "benchmark.model_name",
        "contains a line break",
    ),
    "dashes before a flag": (
        {"engine_args": {"--tp-size": 1}},
        "engine_args.--tp-size",
        'Write "tp-size"',
    ),
    "flag that airtune sets": (
        {"parameters/port": [1, 2]},
        "parameters.port",
        "is set by airtune itself: the launcher takes a free port. Remove it.",
    ),
    "object as a flag's value": (
        {"engine_args": {"x": {"a": 1}}},
        "engine_args.x",
        "is no value that a flag can take.",
    ),
    "one fixed value as a parameter": (
        {"parameters/x": 5},
        "parameters.x",
        "is one fixed value. Write [5], or move it to `engine_args`.",
    ),
    "unknown type of parameter": (
        {"parameters/x": {"type": "intger", "low": 1, "high": 2}},
        "parameters.x.type",
        'Did you mean "integer"?',
    ),
    "range without a type": (
        {"parameters/x": {"low": 1, "high": 2}},
        "parameters.x.type",
        "is missing.",
    ),
    "range without its end": (
        {"parameters/x": {"type": "integer", "low": 1}},
        "parameters.x.high",
        "is missing.",
    ),
    "range upside down": (
        {"parameters/x": {"type": "integer", "low": 4, "high": 1}},
        "parameters.x.high",
        "= 1: is not above low (4).",
    ),
    "fractions in an integer range": (
        {"parameters/x": {"type": "integer", "low": 1.5, "high": 4}},
        "parameters.x.low",
        'Write 2, or "type": "continuous".',
    ),
    "range bound in quotes": (
        {"parameters/x": {"type": "integer", "low": "1", "high": 4}},
        "parameters.x.low",
        "is text, not a number. Write 1 without the quotes.",
    ),
    "log from zero": (
        {"parameters/x": {"type": "continuous", "low": 0, "high": 4, "log": True, "step": 1}},
        "parameters.x.low",
        "must be above 0 for log.",
    ),
    "step without steps": (
        {"parameters/x": {"type": "continuous", "low": 0, "high": 4, "step": 0}},
        "parameters.x.step",
        "must be above 0",
    ),
    "grid over a continuous range": (
        {"parameters/x": {"type": "continuous", "low": 0.5, "high": 0.9}},
        "parameters.x",
        'Add "step": 0.1',
    ),
    "value twice in a choice": (
        {"parameters/x": [1, 2, 1]},
        "parameters.x.values[2]",
        "stands there twice.",
    ),
    "empty choice": ({"parameters/x": []}, "parameters.x.values", "is empty."),
    "empty space": ({"parameters": {}}, "parameters", "names nothing to search."),
    "parameter in two spellings": (
        {"parameters/tp-size": [1, 4]},
        "parameters.tp-size",
        "is searched twice (as tp_size).",
    ),
    "linked row too short": (
        {"linked": [{"parameters": ["a", "b"], "values": [[1, 2], [3]]}]},
        "linked[0].values[1]",
        "has 1 values for 2 parameters. Write one value for each of: a, b.",
    ),
    "linked parameter that is free, too": (
        {"linked": [{"parameters": ["tp-size", "b"], "values": [[1, 2]]}]},
        "linked[0].parameters[0]",
        "is searched twice",
    ),
    "random without an end": (
        {"optimization": {"strategy": "random", "objective": "minimize_ttft"}},
        "optimization.max_iterations",
        "random needs to know how many to draw.",
    ),
    "time that cannot be enough": (
        {"optimization/timeout_per_iteration": 10},
        "optimization.timeout_per_iteration",
        "= 10.0: cannot be kept: 2 load points cost the client 18 s",
    ),
    "two engines": (
        {"engine": "vllm"},
        "engine",
        "contradicts base_runtime 'sglang'.",
    ),
    "runtime outside OME": (
        {"base_runtime": "my-sglang-rt"},
        "base_runtime",
        'Write "sglang", or "deployment_mode": "ome".',
    ),
    "tag inside the image": (
        {"image": "registry:5000/sglang:v1"},
        "image",
        'Write "image": "registry:5000/sglang" and "runtime_image_tag": "v1".',
    ),
    "digest that is none": (
        {"image": "sglang@sha256:abc"},
        "image",
        'has a digest that is none. Write "sglang@sha256:" and the 64 hex digits.',
    ),
    "digest and tag": (
        {"image": f"sglang@sha256:{'a' * 64}", "runtime_image_tag": "v1"},
        "image",
        "carries a digest and has a tag too. Remove runtime_image_tag, or the digest.",
    ),
    "local path in Docker": (
        {"model/path": "/data/models/llama"},
        "model.path",
        'Write "root": "/data/models" and "name": "llama" for what lies under the model root, or '
        '"in_image"',
    ),
    "relative local path in Docker": (
        {"model/path": "var/llama"},
        "model.path",
        'Write "name": "llama" for what lies under the model root',
    ),
    "relative root": (
        {"model/root": "models"},
        "model.root",
        'is no absolute path. Write it from the root, for example "/models/models".',
    ),
    "relative path in the image": (
        {"model/in_image": "./x.gguf"},
        "model.in_image",
        'is no absolute path. Write it from the root, for example "/models/x.gguf".',
    ),
    "root that is not used": (
        {"model/root": "/data", "model/in_image": "/models/x"},
        "model.root",
        "has no use beside in_image: nothing is mounted then. Keep only one of them.",
    ),
    "root of a hub model": (
        {"model/root": "/data", "model/id_or_path": "org/llama"},
        "model.root",
        "has no use: 'org/llama' is fetched from the hub.",
    ),
    "folder for llama.cpp": (
        {"base_runtime": "llama.cpp", "parameters": {"parallel": [1, 2]}},
        "model.name",
        "is no GGUF file, and llama.cpp is started with one.",
    ),
    "hub id for llama.cpp": (
        {
            "base_runtime": "llama.cpp",
            "parameters": {"parallel": [1, 2]},
            "model/id_or_path": "org/tiny.gguf",
        },
        "model.id_or_path",
        "is no GGUF file",
    ),
    "shared memory without a unit": (
        {"container": {"shm_size": "16"}},
        "container.shm_size",
        'Write for example "16g".',
    ),
    "unknown limit": (
        {"container": {"ulimits": {"core": 0}}},
        "container.ulimits.core",
        "is no limit that can be set. Write one of: memlock, stack, nofile.",
    ),
    "limit below none": (
        {"container": {"ulimits": {"memlock": -2}}},
        "container.ulimits.memlock",
        "= -2: is out of range: it must be at least -1.",
    ),
    "unknown way of the client": (
        {"benchmark/client": "contianer"},
        "benchmark.client",
        'Did you mean "container"?',
    ),
    "threshold of nothing": (
        {"slo": {"ttft": {"threshold": 0}}},
        "slo.ttft.threshold",
        "must be above 0",
    ),
    "limit without a threshold": (
        {"slo": {"ttft": {"weight": 2}}},
        "slo.ttft.threshold",
        "is missing.",
    ),
    "unknown constraint": (
        {"constraints": {"ttft": {"p99": 1}}},
        "constraints.ttft",
        "is no metric.",
    ),
    "unknown statistic": (
        {"constraints": {"ttft_ms": {"p9": 1}}},
        "constraints.ttft_ms.p9",
        "is no statistic. Did you mean",
    ),
    "bound in quotes": (
        {"constraints": {"ttft_ms": {"p99": "500"}}},
        "constraints.ttft_ms.p99",
        "= '500': is no number. Write a number without quotes",
    ),
    "error rate in per cent": (
        {"constraints": {"error_rate": 5}},
        "constraints.error_rate",
        "Write a share such as 0.01 for 1 %.",
    ),
    "quantisation that the engine lacks": (
        {"quant_config": {"kvcache_dtype": "fp9"}},
        "quant_config",
        "kvcache_dtype",
    ),
    "unknown preset": (
        {"parallel_config": {"preset": "singel-gpu"}},
        "parallel_config",
        "Did you mean 'single-gpu'?",
    ),
    "preset and presets": (
        {"quant_config": {"preset": "default", "presets": ["default"]}},
        "quant_config.presets",
        "stands beside preset.",
    ),
    "more settings than can be mapped": (
        {"parallel_config": {"tp": list(range(1, 40)), "dp": list(range(1, 40))}},
        "parallel_config",
        "comes to 1521 settings.",
    ),
    "environment that runs code": (
        {"env": {"LD_PRELOAD": "/tmp/x.so"}},
        "env.LD_PRELOAD",
        "= '/tmp/x.so': could run code of its own",
    ),
    "environment that takes other devices": (
        {"env": {"CUDA_VISIBLE_DEVICES": "0"}},
        "env.CUDA_VISIBLE_DEVICES",
        "would break the isolation of trials",
    ),
    "environment with a number": (
        {"env": {"OMP_NUM_THREADS": 4}},
        "env.OMP_NUM_THREADS",
        'Write "4" in quotes.',
    ),
    "launcher in two spellings": (
        {"launcher": "docker"},
        "launcher",
        "stands beside deployment_mode, which means the same. Keep only one of them.",
    ),
}


@pytest.mark.parametrize(("changes", "path", "text"), REFUSED.values(), ids=REFUSED)
def test_problem_names_path_and_fix(refusal, changes, path, text):
    problems = refusal(changes)

    assert [problem.path for problem in problems] == [path], problems
    assert text in str(problems[0])
    assert problems[0].reason.endswith((".", ":"))
    assert problems[0].fix


@pytest.mark.parametrize(
    ("key", "path", "meant"),
    [
        ("benchmarks", "benchmarks", "benchmark"),
        ("optimization/max_iteration", "optimization.max_iteration", "max_iterations"),
        ("model/Name", "model.Name", "name"),
        ("engine-args", "engine-args", "engine_args"),
    ],
)
def test_misspelt_key_gets_the_one_that_is_meant(refusal, key, path, meant):
    problem = refusal({key: 1})[0]

    assert (problem.path, problem.fix) == (path, f'Did you mean "{meant}"?')


def test_a_misspelt_required_key_is_told_once(refusal, without):
    problems = refusal({"benchmark/num_concurrency": without, "benchmark/num_concurency": [1]})

    assert [problem.path for problem in problems] == ["benchmark.num_concurency"]


def test_key_like_no_other_lists_what_is_known(refusal):
    (problem,) = refusal({"model/zzz": 1})

    assert problem.fix == (
        "Remove it; known here: name, namespace, path, id_or_path, root, in_image."
    )


def test_all_problems_are_told_at_once(refusal):
    problems = refusal(
        {"task_name": 1, "benchmark/num_concurrency": ["1"], "parameters/x": [], "nonsense": 2}
    )

    assert {problem.path for problem in problems} == {
        "task_name",
        "benchmark.num_concurrency[0]",
        "parameters.x.values",
        "nonsense",
    }


def test_what_is_missing_is_shown_by_an_example():
    with pytest.raises(TaskError) as caught:
        read_task({})

    text = str(caught.value)
    assert 'task_name: is missing. Write for example "task_name": "docker-simple-tune".' in text
    assert "engine: is missing." in text
    assert "may be left out where" in text.lower()


@pytest.mark.parametrize("name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_API_KEY", "DB_PASSWORD"])
def test_secrets_are_refused_and_never_shown(make, name):
    with pytest.raises(TaskError) as caught:
        read_task(
            make({"env": {name: "hunter2"}, "benchmark/additional_params": {name: "hunter2"}})
        )

    assert "Airflow connection" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert all("hunter2" not in repr(problem.value) for problem in caught.value.problems)


def test_unknown_key_that_looks_like_a_secret_is_not_shown(make):
    with pytest.raises(TaskError) as caught:
        read_task(make({"benchmark/api_key": "hunter2"}))

    assert "benchmark.api_key" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([1], "is no object"),
        ({"a": float("nan")}, "a = nan: is no finite number."),
        ({"a": [{"b": {1, 2}}]}, "a[0].b = '{1, 2}': is a set, no JSON value."),
        ({1: 2}, 'has a key that is no text. Write "1" in quotes.'),
    ],
)
def test_what_is_no_json_is_refused(data, text):
    with pytest.raises(TaskError) as caught:
        read_task(data)

    assert text in str(caught.value)


def test_bottomless_data_is_refused():
    data: dict[str, Any] = {}
    inner = data
    for _ in range(2000):
        inner["a"] = {}
        inner = inner["a"]

    with pytest.raises(TaskError, match="nested more than"):
        read_task(data)
