"""``quant_config``: four data types, as arguments of each engine.

What an engine cannot do is refused with what to write instead, never dropped: a trial must not
carry the name of a setting that it did not run with.
"""

from collections.abc import Callable, Mapping

from airtune.engines import fields as settings
from airtune.engines.fields import Fields, known
from airtune.records import ParamValue

FIELDS: Mapping[str, tuple[str, ...]] = {
    "gemm_dtype": ("auto", "float16", "bfloat16", "float32", "fp8", "int8"),
    "kvcache_dtype": (
        "auto",
        "fp16",
        "bfloat16",
        "fp8",
        "fp8_e5m2",
        "fp8_e4m3",
        "int8",
        "int4",
    ),
    "attention_dtype": (
        "auto",
        "float16",
        "bfloat16",
        "fp8",
        "fp8_e5m2",
        "fp8_e4m3",
        "fp8_block",
    ),
    "moe_dtype": ("auto", "float16", "bfloat16", "fp8", "w4afp8", "mxfp4", "int8"),
}
"""Field → its values; ``auto`` leaves the choice to the engine."""

PRESETS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "kv-cache-fp8": {"kvcache_dtype": "fp8_e5m2"},
    "dynamic-fp8": {
        "gemm_dtype": "fp8",
        "kvcache_dtype": "fp8_e5m2",
        "attention_dtype": "fp8",
        "moe_dtype": "fp8",
    },
    "bf16-stable": {"gemm_dtype": "bfloat16", "kvcache_dtype": "fp8_e5m2"},
    "aggressive-moe": {
        "gemm_dtype": "bfloat16",
        "kvcache_dtype": "fp8_e5m2",
        "attention_dtype": "fp8",
        "moe_dtype": "w4afp8",
    },
}
"""Named settings; fields that a preset leaves out are ``auto``."""

_WHAT = "quant_config"


def arguments(engine: str, fields: Fields) -> dict[str, ParamValue]:
    """The engine's arguments for one quantisation setting.

    Args:
        engine: ``sglang``, ``vllm`` or ``llama_cpp``.
        fields: one value a field of ``FIELDS``, or one preset.

    Raises:
        ValueError: a field, value, preset or engine is unknown, or the engine cannot do it; the
            text says what to write instead.
    """
    types = _checked(settings.single(fields, PRESETS, _WHAT))
    return _BY_ENGINE[known(engine, _BY_ENGINE, "engine with a quant_config")](types)


def alternatives(engine: str, config: Fields) -> dict[str, dict[str, ParamValue]]:
    """Label → arguments of every setting that ``config`` (presets, lists in fields) stands for.

    Raises:
        ValueError: as ``arguments``.
    """
    found = settings.alternatives(config, PRESETS, _WHAT)
    return {label: arguments(engine, fields) for label, fields in found.items()}


def _checked(fields: Fields) -> dict[str, str]:
    for name in fields:
        known(name, FIELDS, f"field of {_WHAT}")
    return {
        name: known(fields.get(name, "auto"), values, f"{_WHAT}.{name}")
        for name, values in FIELDS.items()
    }


def _refuse(field: str, value: str, why: str) -> ValueError:
    return ValueError(f"{_WHAT}.{field} = {value!r}: {why}")


def _weights(types: Mapping[str, str], engine: str) -> dict[str, ParamValue]:
    """``dtype`` and ``quantization`` out of gemm_dtype and moe_dtype."""
    gemm, moe = types["gemm_dtype"], types["moe_dtype"]
    if gemm == "int8":
        raise _refuse(
            "gemm_dtype",
            gemm,
            f"{engine} does not quantise to int8 at load; use a checkpoint in int8 with 'auto', "
            "or name a method in engine_args.quantization.",
        )
    result: dict[str, ParamValue] = {}
    if gemm == "fp8":
        result["quantization"] = "fp8"
    elif gemm != "auto":
        result["dtype"] = gemm
    if moe not in {"auto", gemm}:
        result["quantization"] = _moe_method(moe, gemm, engine)
    return result


def _moe_method(moe: str, gemm: str, engine: str) -> str:
    methods = {
        "sglang": {"w4afp8": "w4afp8", "mxfp4": "mxfp4"},
        "vllm": {"mxfp4": "mxfp4", "int8": "experts_int8"},
    }[engine]
    if gemm == "fp8" or moe not in methods:
        raise _refuse(
            "moe_dtype",
            moe,
            f"{engine} cannot use it for the experts beside gemm_dtype {gemm!r}; write 'auto', the "
            f"same type in both fields, or {' or '.join(sorted(methods))} with gemm_dtype 'auto' "
            "or 'bfloat16'.",
        )
    return methods[moe]


def _attention_in_fp8(types: Mapping[str, str], engine: str) -> bool:
    """Whether attention computes in fp8; it does so on an fp8 KV cache only."""
    attention = types["attention_dtype"]
    if attention in {"auto", types["gemm_dtype"]} and attention != "fp8":
        return False
    if not attention.startswith("fp8") or attention == "fp8_block":
        raise _refuse(
            "attention_dtype",
            attention,
            f"{engine} has no type of its own for attention; write 'auto', or 'fp8' with an fp8 "
            "kvcache_dtype.",
        )
    if not types["kvcache_dtype"].startswith("fp8"):
        raise _refuse(
            "attention_dtype",
            attention,
            f"{engine} computes attention in fp8 only on an fp8 KV cache; write kvcache_dtype "
            "'fp8_e5m2' or 'fp8_e4m3' too.",
        )
    return True


def _sglang(types: Mapping[str, str]) -> dict[str, ParamValue]:
    result = _weights(types, "sglang")
    cache = types["kvcache_dtype"]
    if cache in {"fp16", "int8", "int4"}:
        raise _refuse(
            "kvcache_dtype",
            cache,
            "SGLang's KV cache is the model's type, bfloat16 or fp8; write 'auto', 'bfloat16', "
            "'fp8_e5m2' or 'fp8_e4m3'.",
        )
    if cache != "auto":
        # SGLang has no plain fp8; e5m2 is what needs no scales.
        result["kv-cache-dtype"] = "fp8_e5m2" if cache == "fp8" else cache
    if _attention_in_fp8(types, "sglang"):
        result["attention-backend"] = "flashinfer"
    return result


def _vllm(types: Mapping[str, str]) -> dict[str, ParamValue]:
    result = _weights(types, "vllm")
    cache = types["kvcache_dtype"]
    if cache in {"int8", "int4"}:
        raise _refuse(
            "kvcache_dtype",
            cache,
            f"vLLM means several things by that; write engine_args.kv_cache_dtype "
            f"'{cache}_per_token_head' instead.",
        )
    if cache != "auto":
        result["kv-cache-dtype"] = "float16" if cache == "fp16" else cache
    # No flag: with an fp8 cache vLLM's attention backends compute in fp8 where they can.
    _attention_in_fp8(types, "vllm")
    return result


def _llama_cpp(types: Mapping[str, str]) -> dict[str, ParamValue]:
    for field in ("gemm_dtype", "attention_dtype", "moe_dtype"):
        if types[field] != "auto":
            raise _refuse(
                field,
                types[field],
                "llama.cpp takes it from the GGUF file; write 'auto' and choose a file quantised "
                "that way as model.path.",
            )
    cache = types["kvcache_dtype"]
    names = {"fp16": "f16", "bfloat16": "bf16", "int8": "q8_0", "int4": "q4_0"}
    if cache == "auto":
        return {}
    if cache not in names:
        raise _refuse(
            "kvcache_dtype", cache, "llama.cpp has no fp8 KV cache; write 'int8' (q8_0) or 'int4'."
        )
    return {"cache-type-k": names[cache], "cache-type-v": names[cache]}


_BY_ENGINE: Mapping[str, Callable[[Mapping[str, str]], dict[str, ParamValue]]] = {
    "sglang": _sglang,
    "vllm": _vllm,
    "llama_cpp": _llama_cpp,
}
