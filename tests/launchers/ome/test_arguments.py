from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.launchers.ome.orders import ARGS, LAUNCH, runtime_spec

from airtune.engines import get_engine
from airtune.launchers.ome.arguments import (
    devices_of,
    flags_in,
    gpus_of,
    runner_args,
    served_names,
)
from airtune.launchers.ome.runtime import Runner

SGLANG, VLLM, LLAMA = get_engine("sglang"), get_engine("vllm"), get_engine("llama_cpp")
NAMED = ("--served-model-name", "m")


def _runner(*args: str, command: tuple[str, ...] = (), **more: Any) -> Runner:
    return Runner(command=command, args=args, **more)


def test_without_anything_to_say_the_runtime_stays_as_it_is() -> None:
    assert runner_args(_runner(*NAMED), SGLANG, (), "m") == ()


def test_ours_replaces_the_same_flag_whatever_its_spelling() -> None:
    runner = _runner("--tp", "4", "--mem-frac=0.9", "--host", "0.0.0.0", *NAMED)
    own = ("--mem-fraction-static", "0.8", "--tp-size", "2")
    assert runner_args(runner, SGLANG, own, "m") == ("--host", "0.0.0.0", *NAMED, *own)


def test_flags_of_the_command_stay_before_ours() -> None:
    runner = _runner(command=(*LAUNCH, "--tp-size", "4", *NAMED))
    assert runner_args(runner, SGLANG, ("--tp-size", "2"), "m") == ("--tp-size", "2")


def test_another_served_name_than_requests_use_is_the_one_thing_added_to_the_baseline() -> None:
    runner = _runner("--port", "8080", "--served-model-name", "org/other")
    assert runner_args(runner, SGLANG, (), "m") == ("--port", "8080", *NAMED)


def test_a_served_name_in_a_variable_of_the_runtime_is_read() -> None:
    runner = _runner("--served-model-name", "$(SERVED)", env={"SERVED": "m"})
    assert served_names(runner, VLLM) == ("m",)
    assert runner_args(runner, VLLM, (), "m") == ()


def test_llama_cpp_calls_its_served_name_alias() -> None:
    assert runner_args(_runner("-m", "x.gguf"), LLAMA, (), "m") == ("-m", "x.gguf", "--alias", "m")


def test_a_positional_model_after_a_switch_of_ours_stays() -> None:
    runner = _runner("--trust-remote-code", "$(MODEL_PATH)", *NAMED)
    found = runner_args(runner, VLLM, ("--trust-remote-code",), "m")
    assert found == ("$(MODEL_PATH)", *NAMED, "--trust-remote-code")


def test_a_list_of_the_runtime_goes_as_a_whole() -> None:
    runner = _runner("--cuda-graph-bs", "1", "2", "4", *NAMED)
    own = ("--cuda-graph-bs", "8", "16")
    assert runner_args(runner, SGLANG, own, "m") == (*NAMED, *own)


def test_a_list_of_the_runtime_goes_as_a_whole_even_for_a_single_value_of_ours() -> None:
    runner = _runner("--cuda-graph-bs", "1", "2", "4", *NAMED)
    own = ("--cuda-graph-bs", "8")
    assert runner_args(runner, SGLANG, own, "m") == (*NAMED, *own)


def test_a_runtime_that_serves_several_names_stays_as_it_is_for_each_of_them() -> None:
    runner = _runner("--served-model-name", "org/m", "m")
    assert runner_args(runner, VLLM, (), "m") == ()
    assert runner_args(runner, VLLM, (), "other") == ("--served-model-name", "other")


def test_negative_numbers_are_values() -> None:
    assert flags_in(["-t", "-1", "--seed", "-.5"], LLAMA) == {"threads": ("-1",), "seed": ("-.5",)}


def test_a_negated_switch_and_its_positive_are_one_flag() -> None:
    found = runner_args(_runner("--no-mmap", "--alias", "m"), LLAMA, ("--mmap",), "m")
    assert found == ("--alias", "m", "--mmap")


FLAGS = st.sampled_from(["tp-size", "mem-fraction-static", "chunked-prefill-size", "max-x"])
PAIRS = st.lists(st.tuples(FLAGS, st.integers(0, 9).map(str)), max_size=6)


@given(PAIRS, PAIRS)
def test_the_engine_sees_ours_last_and_everything_else_of_the_runtime(
    theirs: list[tuple[str, str]], ours: list[tuple[str, str]]
) -> None:
    own = tuple(word for name, value in dict(ours).items() for word in (f"--{name}", value))
    args = [word for name, value in theirs for word in (f"--{name}", value)]
    found = runner_args(_runner(*args, *NAMED), SGLANG, own, "m") or (*args, *NAMED)
    assert flags_in(found, SGLANG) == flags_in((*args, *NAMED, *own), SGLANG)
    if own:
        assert found[-len(own) :] == own
        flags = [word for word in found if word.startswith("--")]
        assert {f"--{name}" for name, _ in ours} <= set(flags)
        assert all(flags.count(f"--{name}") == 1 for name, _ in ours)


def test_gpus_are_the_runtimes_until_the_task_splits_the_model_in_another_way() -> None:
    runner = _runner(command=(*LAUNCH, "--tp-size", "4"))
    assert devices_of(runner, SGLANG, ()) == 4
    assert gpus_of(runner, SGLANG, ("--mem-fraction-static", "0.8")) is None
    assert gpus_of(runner, SGLANG, ("--tp-size", "4")) is None
    assert gpus_of(runner, SGLANG, ("--tp-size", "2")) == 2
    assert gpus_of(runner, SGLANG, ("--dp-size", "2")) == 8
    assert gpus_of(runner, SGLANG, (), asked=3) == 3


def test_llama_cpp_asks_for_no_gpus_by_itself() -> None:
    assert gpus_of(_runner(), LLAMA, ("--tensor-split", "1,1")) is None
    assert gpus_of(_runner(), LLAMA, (), asked=1) == 1


def test_a_size_that_a_variable_holds_is_not_guessed() -> None:
    runner = _runner("--tp-size", "$(PARALLELISM_SIZE)")
    assert gpus_of(runner, SGLANG, ()) is None
    assert gpus_of(runner, SGLANG, ("--tp-size", "2")) == 2


def test_a_runner_is_read_from_its_runtime() -> None:
    spec = runtime_spec(
        env=[{"name": "A", "value": "x"}, {"name": "S", "valueFrom": {}}],
        ports=[{"containerPort": 9000}],
    )
    runner = Runner.of({"spec": spec})
    assert (runner.command, runner.args) == (tuple(LAUNCH), tuple(ARGS))
    assert (runner.port, runner.env, runner.trouble) == (9000, {"A": "x"}, "")


@pytest.mark.parametrize(
    ("spec", "trouble"),
    [
        (runtime_spec(command=["/bin/bash", "-lc"], args=["exec server"]), "shell script"),
        (runtime_spec(command=["tini", "--", "sh", "-c", "x"], args=[]), "shell script"),
        (runtime_spec(args=["--tp-size 2 \\\n--port 8080"]), "one text of several lines"),
        ({"engineConfig": {"leader": {}, "worker": {"size": 1}}}, "several pods"),
        (runtime_spec() | {"decoderConfig": {"runner": {}}}, "two servers"),
        ({"containers": [{"name": "ome-container"}]}, "no engineConfig.runner"),
    ],
)
def test_a_runtime_that_cannot_take_arguments_says_why(spec: dict[str, Any], trouble: str) -> None:
    assert trouble in Runner.of({"spec": spec}).trouble


def test_a_script_file_may_hand_its_arguments_on() -> None:
    assert Runner.of({"spec": runtime_spec(command=["sh", "/start.sh"])}).trouble == ""
