"""quant_config reaches the command line, or is refused with what to write."""

import itertools

import pytest

from airtune.engines import quantisation as q
from airtune.records import ParamValue


@pytest.mark.parametrize(
    ("engine", "fields", "expected"),
    [
        ("vllm", {"gemm_dtype": "fp8"}, {"quantization": "fp8"}),
        ("vllm", {"gemm_dtype": "bfloat16"}, {"dtype": "bfloat16"}),
        ("vllm", {"kvcache_dtype": "fp8"}, {"kv-cache-dtype": "fp8"}),
        ("vllm", {"moe_dtype": "int8"}, {"quantization": "experts_int8"}),
        ("sglang", {"kvcache_dtype": "fp8"}, {"kv-cache-dtype": "fp8_e5m2"}),
        ("sglang", {"moe_dtype": "mxfp4"}, {"quantization": "mxfp4"}),
        ("llama_cpp", {"kvcache_dtype": "int8"}, {"cache-type-k": "q8_0", "cache-type-v": "q8_0"}),
        ("llama_cpp", {"preset": "default"}, {}),
        ("sglang", {"presets": ["kv-cache-fp8"]}, {"kv-cache-dtype": "fp8_e5m2"}),
        ("sglang", {"gemm_dtype": None}, {}),
        (
            "sglang",
            {"preset": "dynamic-fp8"},
            {
                "quantization": "fp8",
                "kv-cache-dtype": "fp8_e5m2",
                "attention-backend": "flashinfer",
            },
        ),
        (
            "sglang",
            {"preset": "aggressive-moe"},
            {
                "dtype": "bfloat16",
                "quantization": "w4afp8",
                "kv-cache-dtype": "fp8_e5m2",
                "attention-backend": "flashinfer",
            },
        ),
    ],
)
def test_a_setting_becomes_flags(
    engine: str, fields: dict[str, object], expected: dict[str, ParamValue]
) -> None:
    assert q.arguments(engine, fields) == expected


@pytest.mark.parametrize(
    ("engine", "fields", "text"),
    [
        ("vllm", {"gemm_type": "fp8"}, "Did you mean 'gemm_dtype'"),
        ("vllm", {"gemm_dtype": "fp9"}, "Did you mean 'fp8'"),
        ("vllm", {"gemm_dtype": 8}, "Choices: auto"),
        ("vllm", {"gemm_dtype": "int8"}, "engine_args.quantization"),
        ("vllm", {"kvcache_dtype": "int8"}, "int8_per_token_head"),
        ("sglang", {"kvcache_dtype": "fp16"}, "write 'auto'"),
        ("sglang", {"attention_dtype": "fp8"}, "kvcache_dtype 'fp8_e5m2'"),
        ("sglang", {"attention_dtype": "bfloat16"}, "write 'auto'"),
        ("sglang", {"moe_dtype": "fp8"}, "the same type in both fields"),
        ("sglang", {"gemm_dtype": "fp8", "moe_dtype": "w4afp8"}, "gemm_dtype 'auto'"),
        ("vllm", {"preset": "aggressive-moe"}, "vllm cannot use it"),
        ("llama_cpp", {"preset": "kv-cache-fp8"}, "write 'int8'"),
        ("llama_cpp", {"gemm_dtype": "bfloat16"}, "GGUF"),
        ("vllm", {"preset": "dynamic-fp9"}, "Did you mean 'dynamic-fp8'"),
        ("vllm", {"preset": "default", "gemm_dtype": "fp8"}, "not both"),
        ("vllm", {"presets": ["default", "dynamic-fp8"]}, "stands for 2 settings"),
        ("trt", {}, "no engine with a quant_config"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(
    engine: str, fields: dict[str, object], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        q.arguments(engine, fields)


def test_presets_and_lists_are_alternatives_by_label() -> None:
    assert q.alternatives("vllm", {"presets": ["default", "kv-cache-fp8"]}) == {
        "default": {},
        "kv-cache-fp8": {"kv-cache-dtype": "fp8_e5m2"},
    }
    lists = {"gemm_dtype": ["auto", "fp8"], "kvcache_dtype": "fp8"}
    assert q.alternatives("vllm", lists) == {
        "gemm_dtype=auto": {"kv-cache-dtype": "fp8"},
        "gemm_dtype=fp8": {"kv-cache-dtype": "fp8", "quantization": "fp8"},
    }
    assert q.alternatives("vllm", {}) == {"default": {}}
    with pytest.raises(ValueError, match="empty"):
        q.alternatives("vllm", {"presets": []})
    with pytest.raises(ValueError, match="empty list"):
        q.alternatives("vllm", {"gemm_dtype": []})


_SINGLE = [(field, value) for field, values in q.FIELDS.items() for value in values[1:]]


@pytest.mark.parametrize(("field", "value"), _SINGLE)
@pytest.mark.parametrize("engine", ["llama_cpp", "sglang", "vllm"])
def test_one_field_away_from_auto_adds_an_argument_or_is_refused(
    engine: str, field: str, value: str
) -> None:
    try:
        added, refusal = len(q.arguments(engine, {field: value})), ""
    except ValueError as error:
        added, refusal = 0, str(error)
    assert added or refusal.startswith(f"quant_config.{field} = {value!r}: ")


def test_every_preset_has_known_fields_and_values() -> None:
    pairs = itertools.chain.from_iterable(preset.items() for preset in q.PRESETS.values())
    assert all(value in q.FIELDS[field] for field, value in pairs)
