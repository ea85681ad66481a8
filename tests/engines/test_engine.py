"""Merging, defaults, devices, images and the table of engines."""

import pytest

from airtune.engines import ENGINES, get_engine
from airtune.records import ParamValue

SGLANG, VLLM, LLAMA_CPP = ENGINES["sglang"], ENGINES["vllm"], ENGINES["llama_cpp"]


def test_the_table_knows_three_engines_by_their_names() -> None:
    assert set(ENGINES) == {"sglang", "vllm", "llama_cpp"}
    assert get_engine("vllm") is VLLM


@pytest.mark.parametrize(
    ("name", "close"), [("sglnag", "sglang"), ("llama.cpp", "llama_cpp"), ("vLLM", "vllm")]
)
def test_a_misspelt_engine_gets_the_closest_name(name: str, close: str) -> None:
    with pytest.raises(ValueError, match=rf"Did you mean '{close}'.*Engines: llama_cpp"):
        get_engine(name)


def test_values_equal_to_the_default_are_the_same_server() -> None:
    bare = VLLM.server({}, model_path="/m", model_name="m")
    same = VLLM.server({"tp": 1, "dtype": "auto", "enforce_eager": False}, model_path="/m",
                       model_name="m")  # fmt: skip
    assert same.normal == bare.normal
    assert same.arguments != bare.arguments, "what was asked for is on the command line"


def test_a_default_that_differs_between_versions_is_said() -> None:
    assert VLLM.normal_arguments({"mem_frac": 0.9}) == {"gpu-memory-utilization": 0.9}
    assert SGLANG.normal_arguments({"schedule_policy": "fcfs"}) == {"schedule-policy": "fcfs"}


def test_one_is_not_true() -> None:
    assert VLLM.normal_arguments({"enforce_eager": True, "seed": 1}) == {
        "enforce-eager": True,
        "seed": 1,
    }


def test_the_configuration_wins_over_fixed_arguments_in_any_spelling() -> None:
    merged = SGLANG.merged({"tensor-parallel-size": 4, "mem_frac": 0.8}, {"tp": 1})
    assert SGLANG.normal_arguments(merged) == {"mem-fraction-static": 0.8}
    assert SGLANG.normal_arguments(SGLANG.merged({"mem_frac": 0.8}, {"mem-frac": None})) == {}


@pytest.mark.parametrize(
    ("engine", "arguments", "devices"),
    [
        ("sglang", {}, 1),
        ("sglang", {"tp": 2, "pp_size": 2, "data-parallel-size": 2}, 8),
        ("sglang", {"tp": 4, "dp": 2, "enable_dp_attention": True}, 4),
        ("sglang", {"tp": 4, "attn_dp_size": 2}, 4),
        ("vllm", {"tensor-parallel-size": 2, "pp": 2, "dp": 3}, 12),
        ("vllm", {"tp": 4, "decode_context_parallel_size": 2}, 4),
        ("vllm", {"tp": 2, "prefill_context_parallel_size": 2}, 4),
        ("llama_cpp", {"threads": 4}, 1),
        ("llama_cpp", {"tensor_split": [3, 1]}, 2),
        ("llama_cpp", {"ts": "1,1,1"}, 3),
    ],
)
def test_devices_follow_from_every_spelling_of_the_sizes(
    engine: str, arguments: dict[str, ParamValue], devices: int
) -> None:
    assert ENGINES[engine].devices(arguments) == devices
    assert ENGINES[engine].server(arguments, model_path="m", model_name="m").devices == devices


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"tp": 4, "dp": 3, "enable_dp_attention": True}, "dp-size = 3 must divide tp-size = 4"),
        ({"tp": 4, "attn_dp_size": 3}, "attn-dp-size = 3 must divide"),
        ({"tp": "2"}, "tp-size = '2' must be a whole number"),
        ({"tp": 0}, "must be a whole number"),
        ({"tp": True}, "must be a whole number"),
    ],
)
def test_sizes_that_cannot_be_are_refused(arguments: dict[str, ParamValue], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        SGLANG.devices(arguments)


@pytest.mark.parametrize(
    ("image", "tag", "reference"),
    [
        (None, None, "lmsysorg/sglang:latest"),
        (None, "v0.5.2-cu126", "lmsysorg/sglang:v0.5.2-cu126"),
        ("registry:5000/mine", None, "registry:5000/mine:latest"),
        ("registry:5000/mine:v1", None, "registry:5000/mine:v1"),
        ("mine@sha256:00", None, "mine@sha256:00"),
        ("mine:v1", "v1", "mine:v1"),
    ],
)
def test_the_image_is_a_full_reference(image: str | None, tag: str | None, reference: str) -> None:
    spec = SGLANG.server({}, model_path="/m", model_name="m", image=image, tag=tag)
    assert spec.image == reference


def test_an_image_with_two_tags_is_refused() -> None:
    with pytest.raises(ValueError, match="write one of them"):
        SGLANG.server({}, model_path="/m", model_name="m", image="mine:v1", tag="v2")


def test_environment_is_part_of_the_server_in_a_fixed_order() -> None:
    one = VLLM.server({}, model_path="/m", model_name="m", env={"B": "2", "A": "1"})
    two = VLLM.server({}, model_path="/m", model_name="m", env={"A": "1", "B": "2"})
    assert one.model_dump_json() == two.model_dump_json()
