import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.study.plan_samples import (
    MILLION_CONSTRAINTS,
    a_local_task,
    a_task,
    million,
    some_settings,
)

from airtune.errors import TaskError
from airtune.launchers.docker.mounts import HUB_CACHE, mounts_of
from airtune.records import Role
from airtune.study.plan import Plan, PlannedTrial, make_plan
from airtune.task import Task, load_task

HOME = Path("/srv/tune")
LLAMA = {"engine": "llama_cpp", "base_runtime": None, "model": {"name": "tiny.gguf"}}
HERE = some_settings(HOME, AIRTUNE_DEVICES="gpu0..1")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def plan(task: Task, **options: Any) -> Plan:
    return make_plan(task, HERE, **options)


def labels(task: Task) -> list[str]:
    return [trial.label for trial in plan(task).trials]


def refusal(task: Task, **options: Any) -> str:
    with pytest.raises(TaskError) as caught:
        plan(task, **options)
    return str(caught.value)


def test_the_baseline_comes_first_with_every_searched_parameter_unset() -> None:
    task = a_task(engine_args={"context-length": 4096})
    first = plan(task).trials[0]
    assert (first.role, first.label, first.parameters) == (Role.BASELINE, "baseline", {})
    assert first.server.arguments[-2:] == ("--context-length", "4096")


def test_a_baseline_of_ones_own_is_planned_as_given() -> None:
    first = plan(a_task(baseline={"tp_size": 2, "mem_frac": 0.7})).trials[0]
    assert first.parameters == {"tp_size": 2, "mem_frac": 0.7}
    assert first.server.arguments[-4:] == ("--mem-fraction-static", "0.7", "--tp-size", "2")
    assert first.server.devices == 2


def test_every_configured_value_is_in_the_command_line_of_its_trial() -> None:
    for trial in plan(a_task()).trials[1:]:
        words = trial.server.argv
        assert words[words.index("--mem-fraction-static") + 1] == str(trial.parameters["mem_frac"])
        if trial.parameters["tp_size"] != 1:
            assert words[words.index("--tp-size") + 1] == str(trial.parameters["tp_size"])
        assert trial.server.devices == trial.parameters["tp_size"]


def test_search_trials_follow_in_the_grids_order_with_short_labels() -> None:
    assert labels(a_task()) == [
        "baseline",
        "mem_frac=0.8 tp_size=1",
        "mem_frac=0.8 tp_size=2",
        "mem_frac=0.9 tp_size=1",
        "mem_frac=0.9 tp_size=2",
    ]


def test_a_configuration_that_is_the_baselines_own_command_line_is_not_run_twice() -> None:
    found = plan(a_task(parameters={"tp_size": [1, 2]}))
    assert [trial.label for trial in found.trials] == ["baseline", "tp_size=2"]
    assert found.trials[0].aliases == ("tp_size=1",)
    assert "tp_size=1: the baseline's own command line, not run twice." in found.notes


def test_configurations_with_one_command_line_are_one_trial() -> None:
    found = plan(a_task(parameters={"dtype": ["auto", None], "mem_frac": [0.8]}))
    assert [trial.label for trial in found.trials] == ["baseline", "dtype=auto mem_frac=0.8"]
    assert found.trials[1].aliases == ("dtype=default mem_frac=0.8",)
    assert any("run once" in note for note in found.notes)


def test_a_value_equal_to_the_default_still_overrides_a_linked_choice() -> None:
    rows = [[1, 4], [2, 2], [4, 1]]
    task = a_task(parameters={}, linked=[{"parameters": ["tp_size", "dp_size"], "values": rows}])
    assert [trial.server.devices for trial in plan(task).trials] == [1, 4, 4, 4]
    assert labels(task)[1:] == [
        "tp_size=1 dp_size=4",
        "tp_size=2 dp_size=2",
        "tp_size=4 dp_size=1",
    ]


def test_presets_are_a_dimension_and_labelled_by_their_names() -> None:
    task = a_task(
        parameters={"mem_frac": [0.8]}, quant_config={"presets": ["default", "kv-cache-fp8"]}
    )
    found = plan(task).trials
    assert [trial.label for trial in found[1:]] == [
        "mem_frac=0.8 quant_config=default",
        "mem_frac=0.8 quant_config=kv-cache-fp8",
    ]
    assert "--kv-cache-dtype" not in found[1].server.arguments
    assert "fp8_e5m2" in found[2].server.arguments
    assert found[2].parameters["kv-cache-dtype"] == "fp8_e5m2"


def test_lists_in_parallel_config_are_compared_field_by_field() -> None:
    task = a_task(parameters={}, parallel_config={"tp": [2, 4], "dp": 1})
    assert labels(task) == ["baseline", "tp=2", "tp=4"]


def test_a_single_preset_is_fixed_for_the_baseline_too() -> None:
    found = plan(a_task(quant_config={"preset": "kv-cache-fp8"}))
    assert all("fp8_e5m2" in trial.server.arguments for trial in found.trials)


def test_settings_that_come_to_the_same_arguments_are_one_and_said_so() -> None:
    config = {"kvcache_dtype": ["fp8", "fp8_e5m2", "auto"]}
    found = plan(a_task(parameters={"mem_frac": [0.8]}, quant_config=config))
    assert len(found.trials) == 3
    assert any("the same for sglang as kvcache_dtype=fp8, run once" in note for note in found.notes)


def test_what_the_engines_rules_refuse_is_left_out_with_the_reason() -> None:
    parameters = {"tp_size": [1, 2], "dp_size": [2], "enable-dp-attention": [True]}
    found = plan(a_task(parameters=parameters))
    assert [trial.server.devices for trial in found.trials] == [1, 2]
    assert any("left out. dp-size = 2 must divide tp-size = 1" in note for note in found.notes)


def test_a_space_that_the_engine_refuses_as_a_whole_is_an_error() -> None:
    parameters = {"tp_size": [3], "dp_size": [2], "enable-dp-attention": [True]}
    assert "must divide tp-size = 3" in refusal(a_task(parameters=parameters))


def test_a_baseline_that_the_engine_refuses_asks_for_another_one() -> None:
    fixed = {"dp_size": 2, "enable-dp-attention": True}
    task = a_task(engine_args=fixed, parameters={"tp_size": [2, 4]})
    assert 'Or name another one: "baseline"' in refusal(task)
    task = a_task(engine_args=fixed, parameters={"tp_size": [2, 4]}, baseline={"tp_size": 2})
    assert labels(task) == ["baseline", "tp_size=4"]
    assert "baseline = {'dp_size': 3}" in refusal(
        a_task(engine_args={"enable-dp-attention": True}, baseline={"dp_size": 3})
    )


@pytest.mark.parametrize(
    ("launcher", "path", "host"),
    [("docker", "/model", "0.0.0.0"), ("ome", "/model", "0.0.0.0")],
)
def test_containers_find_the_model_at_one_place_and_listen_outside(
    launcher: str, path: str, host: str
) -> None:
    words = plan(a_task(deployment_mode=launcher)).trials[0].server.arguments
    assert words[words.index("--model-path") + 1] == path
    assert words[words.index("--host") + 1] == host


def test_a_local_server_gets_the_path_below_home_and_listens_on_loopback() -> None:
    words = plan(a_local_task()).trials[0].server.arguments
    assert words[words.index("--model") + 1] == "/srv/tune/var/models/tiny.gguf"
    assert words[words.index("--host") + 1] == "127.0.0.1"


def test_image_environment_and_served_name_are_the_tasks() -> None:
    task = a_task(image="lmsysorg/sglang", image_tag="v0.5.2-cu126", env={"OMP_NUM_THREADS": "4"})
    server = plan(task).trials[1].server
    assert server.image == "lmsysorg/sglang:v0.5.2-cu126"
    assert server.env == {"OMP_NUM_THREADS": "4"}
    assert server.model_name == "llama-3-2-1b-instruct"


def test_constraints_leave_configurations_out_and_are_counted() -> None:
    task = a_task(parameter_constraints=["tp_size == 1 or mem_frac < 0.85"])
    assert len(plan(task).trials) == 1 + 3
    assert "3 of 4 combinations satisfy the constraints." in plan(task).notes


def test_max_iterations_samples_the_grid_and_says_so() -> None:
    found = plan(a_task(parameters=million(), optimization={"max_iterations": 20}))
    assert len(found.trials) == 21
    assert found.combinations == 1_000_000
    assert found.notes[0] == (
        "20 of 1,000,000 combinations are tried, spread evenly over the grid with seed 0, "
        "because optimization.max_iterations is 20."
    )
    for name in million():
        assert len({trial.parameters[name] for trial in found.trials[1:]}) >= 8


def test_max_iterations_above_the_grid_takes_all_of_it_in_order() -> None:
    assert labels(a_task(optimization={"max_iterations": 4})) == labels(a_task())
    assert plan(a_task(optimization={"max_iterations": 4})).notes == ()


def test_the_seed_changes_the_sample() -> None:
    samples = [
        labels(a_task(parameters=million(), optimization={"max_iterations": 5, "seed": seed}))
        for seed in (0, 1)
    ]
    assert samples[0] != samples[1]


def test_random_draws_from_a_continuous_range() -> None:
    mem = {"type": "continuous", "low": 0.7, "high": 0.9}
    task = a_task(
        parameters={"mem_frac": mem}, optimization={"strategy": "random", "max_iterations": 5}
    )
    found = plan(task)
    assert len({trial.parameters["mem_frac"] for trial in found.trials[1:]}) == 5
    assert found.combinations is None
    assert found.notes == ("5 are tried, drawn at random with seed 0.",)


def test_random_says_when_the_space_has_fewer() -> None:
    found = plan(a_task(optimization={"strategy": "random", "max_iterations": 10}))
    assert len(found.trials) == 1 + 4
    assert found.notes == ("4 of 4 combinations are tried, drawn at random with seed 0.",)


def test_a_million_combinations_with_a_limit_are_planned_within_a_second() -> None:
    task = a_task(
        parameters=million(),
        parameter_constraints=MILLION_CONSTRAINTS,
        optimization={"max_iterations": 50},
    )
    started = time.perf_counter()
    assert len(plan(task).trials) == 51
    assert time.perf_counter() - started < 1


def test_a_million_combinations_without_a_limit_are_refused_as_fast() -> None:
    task = a_task(parameters=million(), parameter_constraints=MILLION_CONSTRAINTS)
    started = time.perf_counter()
    text = refusal(task)
    assert time.perf_counter() - started < 1
    assert "1,000,000 combinations" in text
    assert "optimization.max_iterations" in text


def test_as_many_trials_as_can_be_mapped_are_planned_and_one_more_is_refused() -> None:
    task = a_task(parameters={"max-num-seqs": list(range(1, 10))})
    assert len(plan(task, most=10).trials) == 10
    assert "9 combinations; one run can try 8" in refusal(task, most=9)


def test_max_iterations_beyond_what_can_be_mapped_is_refused() -> None:
    text = refusal(a_task(optimization={"max_iterations": 30}), most=10)
    assert "optimization.max_iterations = 30" in text
    assert "at most 9" in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"parameter_constraints": ["mem_frac > 0.95"]},
            "parameter_constraints[0] = 'mem_frac > 0.95': excludes all 4 combinations",
        ),
        (
            {"parameter_constraints": ["tp_size > 1", "tp_size < 2"]},
            "together exclude all 4 combinations",
        ),
        ({"parameter_constraints": ["tp_sise < 2"]}, "Did you mean 'tp_size'?"),
        ({"parameter_constraints": ["tp_size < 'a'"]}, "cannot be evaluated for tp_size=1"),
        ({"parameters": {"tp": [1, 2], "tp_size": [1]}}, "--tp-size is searched by"),
        ({"engine_args": {"tp": 2}}, "--tp-size is fixed by engine_args.tp too"),
        ({"engine_args": {"tp": 2, "tp-size": 4}}, "--tp-size is set by engine_args.tp too"),
        (
            {"engine_args": {"kv-cache-dtype": "auto"}, "quant_config": {"kvcache_dtype": "fp8"}},
            "--kv-cache-dtype is set by engine_args.kv-cache-dtype too",
        ),
        ({"parameters": {"dtype": ["auto"]}}, "nothing to compare"),
        ({"parameters": {}, "parallel_config": {"tp": [1, 1.0]}}, "must be a whole number"),
    ],
)
def test_a_space_that_cannot_be_tried_says_what_to_write(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(TaskError) as caught:
        plan(a_task(**changes))
    assert says in str(caught.value)


def test_too_few_devices_on_this_host_is_said_but_not_refused() -> None:
    found = plan(a_task(parameters={"tp_size": [2, 4]}))
    assert found.notes == (
        "1 of 3 trials cannot run on this host: they need up to 4 GPUs, and AIRTUNE_DEVICES "
        "names 2.",
    )


@pytest.mark.parametrize(
    ("changes", "devices", "noted"),
    [
        ({}, "cpu1", True),
        ({"image": "my/sglang-for-cpus"}, "cpu1", False),
        ({}, "fake0", False),
        (LLAMA, "cpu1", False),
    ],
)
def test_cores_run_llama_cpp_and_images_of_the_users_own(
    changes: dict[str, Any], devices: str, noted: bool
) -> None:
    one = {"parameters": {"x-flag": [1, 2]}}
    found = make_plan(a_task(**(one | changes)), some_settings(HOME, AIRTUNE_DEVICES=devices))
    assert any("cannot run on this host" in note for note in found.notes) is noted


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ({"name": "llama"}, "/model"),
        ({"name": "x", "id_or_path": "llama"}, "/model"),
        ({"id_or_path": "org/llama"}, "org/llama"),
        ({"name": "x", "in_image": "/models/x"}, "/models/x"),
        ({"id_or_path": "org/llama", "in_image": "/models/x"}, "/models/x"),
        ({"name": "deep/tiny.GGUF"}, "/model/tiny.GGUF"),
        ({"name": "x", "id_or_path": "tiny.gguf"}, "/model/tiny.gguf"),
    ],
)
def test_a_container_finds_the_model_where_it_is_mounted(model: Any, path: str) -> None:
    task = a_task(model=model)
    assert path in plan(task).trials[0].server.arguments
    mounts = mounts_of(task.model, HERE, digest="", compiles=False)
    mounted = {mount["Target"] for mount in mounts} - {HUB_CACHE}
    assert mounted == ({path} if path.startswith("/model") and "/models" not in path else set())


@pytest.mark.parametrize(
    ("name", "trials", "program"),
    [
        ("docker_task.json", 7, "sglang.launch_server"),
        ("docker_vllm.yaml", 13, "vllm"),
        ("simple_task.json", 3, "sglang.launch_server"),
        ("local_smollm2.json", 7, "llama-server"),
        ("docker_llamacpp.json", 7, "llama-server"),
    ],
)
def test_the_examples_are_planned(name: str, trials: int, program: str) -> None:
    found = plan(load_task(EXAMPLES / name))
    assert len(found.trials) == trials
    assert all(program in trial.server.program for trial in found.trials)


def test_a_planned_trial_survives_json() -> None:
    trial = plan(a_task()).trials[1]
    assert PlannedTrial.model_validate(trial.model_dump(mode="json")) == trial


VALUES = st.lists(st.integers(2, 9), min_size=1, max_size=3, unique=True)
SPACES = st.dictionaries(
    st.sampled_from(["tp_size", "max-num-seqs", "page-size", "stream-interval"]),
    VALUES,
    min_size=1,
)


@settings(max_examples=40, deadline=None)
@given(SPACES, st.integers(1, 20), st.integers(0, 3), st.sampled_from(["grid_search", "random"]))
def test_equal_inputs_give_an_equal_plan_whatever_the_order_of_keys(
    space: dict[str, list[int]], limit: int, seed: int, strategy: str
) -> None:
    optimization = {"strategy": strategy, "max_iterations": limit, "seed": seed}
    turned = dict(reversed(space.items()))
    one = plan(a_task(parameters=space, optimization=optimization))
    other = plan(a_task(parameters=turned, optimization=optimization))
    assert one == other
    lines = [trial.server.argv for trial in one.trials]
    keys = [trial.plan_key for trial in one.trials]
    assert len(set(lines)) == len(lines) == len(set(keys))
    assert 2 <= len(lines) <= limit + 1
