"""What a parameter becomes on each engine's command line."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.engines import ENGINES, Engine
from airtune.engines.naming import flag_name
from airtune.records import ParamValue

SGLANG, VLLM, LLAMA_CPP = ENGINES["sglang"], ENGINES["vllm"], ENGINES["llama_cpp"]


def flags(engine: Engine, **arguments: ParamValue) -> tuple[str, ...]:
    """The words that ``arguments`` add to the engine's command line."""
    bare = engine.server({}, model_path="/model", model_name="m").arguments
    return engine.server(arguments, model_path="/model", model_name="m").arguments[len(bare) :]


def test_sglang_starts_as_the_seed_does() -> None:
    spec = SGLANG.server({"tp_size": 2, "mem_frac": 0.85}, model_path="/model", model_name="llama")
    assert " ".join(spec.at_port(8000)) == (
        "python3 -m sglang.launch_server --model-path /model --served-model-name llama "
        "--host 0.0.0.0 --port 8000 --mem-fraction-static 0.85 --tp-size 2"
    )


def test_vllm_takes_the_same_task_with_its_own_flags() -> None:
    spec = VLLM.server({"tp_size": 2, "mem_frac": 0.85}, model_path="/model", model_name="llama")
    assert " ".join(spec.at_port(8000)) == (
        "vllm serve /model --served-model-name llama --host 0.0.0.0 --port 8000 "
        "--gpu-memory-utilization 0.85 --tensor-parallel-size 2"
    )


def test_llama_cpp_takes_llama_servers_flags() -> None:
    spec = LLAMA_CPP.server(
        {"max_num_seqs": 2, "ctk": "q8_0"}, model_path="m.gguf", model_name="m", host="127.0.0.1"
    )
    assert " ".join(spec.at_port(8000)) == (
        "llama-server --model m.gguf --alias m --host 127.0.0.1 --port 8000 "
        "--cache-type-k q8_0 --parallel 2"
    )


@pytest.mark.parametrize(
    ("engine", "name", "value", "expected"),
    [
        (SGLANG, "disable_radix_cache", True, ("--disable-radix-cache",)),
        (SGLANG, "disable_radix_cache", False, ()),
        (SGLANG, "dllm_fdfo", False, ("--no-dllm-fdfo",)),
        (VLLM, "enable_prefix_caching", True, ("--enable-prefix-caching",)),
        (VLLM, "enable_prefix_caching", False, ("--no-enable-prefix-caching",)),
        (VLLM, "no_enable_prefix_caching", True, ("--no-enable-prefix-caching",)),
        (VLLM, "disable_log_stats", False, ()),
        (LLAMA_CPP, "cont_batching", False, ("--no-cont-batching",)),
        (LLAMA_CPP, "no_mmap", True, ("--no-mmap",)),
        (LLAMA_CPP, "no_mmap", False, ("--mmap",)),
        (LLAMA_CPP, "flash_attn", True, ("--flash-attn", "on")),
        (LLAMA_CPP, "flash_attn", False, ("--flash-attn", "off")),
        (LLAMA_CPP, "mlock", False, ()),
    ],
)
def test_booleans_are_said_in_both_directions(
    engine: Engine, name: str, value: bool, expected: tuple[str, ...]
) -> None:
    assert flags(engine, **{name: value}) == expected


def test_none_leaves_the_flag_out() -> None:
    assert flags(VLLM, max_num_seqs=None) == ()


def test_lists_are_words_or_one_comma_separated_word() -> None:
    assert flags(SGLANG, cuda_graph_bs_decode=[1, 2, 4]) == (
        *("--cuda-graph-bs-decode", "1", "2", "4"),
    )
    assert flags(LLAMA_CPP, tensor_split=[3, 1]) == ("--tensor-split", "3,1")


def test_text_that_begins_with_a_dash_is_bound_to_its_flag() -> None:
    assert flags(VLLM, chat_template="-x") == ("--chat-template=-x",)
    assert flags(LLAMA_CPP, chat_template="-x") == ("--chat-template", "-x")
    assert flags(SGLANG, offload_group_size=-1) == ("--offload-group-size", "-1")


def test_keys_inside_a_json_flag_keep_their_underscores() -> None:
    assert flags(VLLM, **{"compilation_config.cudagraph_mode": "NONE"}) == (
        *("--compilation-config.cudagraph_mode", "NONE"),
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "empty list"),
        ([1, None], "null inside a list"),
        (math.inf, "no number"),
        ("a\0b", "NUL"),
        (["-x"], "read as a flag"),
    ],
)
def test_values_that_no_command_line_can_carry_are_refused(value: ParamValue, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        flags(SGLANG, some_flag=value)


@pytest.mark.parametrize("name", ["", "a b", "x=1", "---y", "tp;size", "--"])
def test_a_name_that_is_no_flag_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no parameter name"):
        flag_name(name, {})


def test_a_parameter_in_two_spellings_is_refused_naming_both() -> None:
    with pytest.raises(ValueError, match=r"'tp'.*'tensor-parallel-size'.*--tp-size"):
        flags(SGLANG, **{"tp": 1, "tensor-parallel-size": 2})
    with pytest.raises(ValueError, match=r"'mmap'.*'no_mmap'"):
        flags(LLAMA_CPP, mmap=True, no_mmap=True)


@pytest.mark.parametrize("name", ["port", "host", "model", "served_model_name"])
def test_what_airtune_sets_itself_is_refused(name: str) -> None:
    for engine in (SGLANG, VLLM):
        with pytest.raises(ValueError, match="airtune sets this flag itself"):
            flags(engine, **{name: "x"})


def test_llama_cpp_says_what_to_write_for_names_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="tensor_split"):
        flags(LLAMA_CPP, tp=2)
    with pytest.raises(ValueError, match="cache_type_k"):
        flags(LLAMA_CPP, kv_cache_dtype="q8_0")


_VALUES = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text("abc-")
)
_ARGUMENTS = st.dictionaries(st.from_regex(r"x[a-z]{0,3}(-[a-z]{1,3})?", fullmatch=True), _VALUES)


@given(_ARGUMENTS, st.sampled_from(sorted(ENGINES)))
def test_normal_arguments_are_stable_whatever_spelling_and_order(
    arguments: dict[str, ParamValue], name: str
) -> None:
    engine = ENGINES[name]
    normal = engine.normal_arguments(arguments)
    assert engine.normal_arguments(normal) == normal
    respelled = {f"--{key}": arguments[key] for key in reversed(list(arguments))}
    underscored = {key.replace("-", "_"): value for key, value in arguments.items()}
    assert engine.normal_arguments(respelled) == normal
    assert engine.normal_arguments(underscored) == normal


@given(_ARGUMENTS, st.sampled_from(sorted(ENGINES)))
def test_every_normal_argument_is_on_the_command_line(
    arguments: dict[str, ParamValue], name: str
) -> None:
    engine = ENGINES[name]
    words = engine.server(arguments, model_path="/m", model_name="m").arguments
    for flag in engine.normal_arguments(arguments):
        assert any(word.split("=")[0] in {f"--{flag}", f"--no-{flag}"} for word in words)
