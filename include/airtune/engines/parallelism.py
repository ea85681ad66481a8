"""``parallel_config``: how a server is split over devices, as arguments of each engine."""

from collections.abc import Mapping

from airtune.engines import fields as settings
from airtune.engines.fields import Fields, known
from airtune.records import ParamValue

_WHAT = "parallel_config"

FIELDS: Mapping[str, Mapping[str, str]] = {
    "sglang": {
        "tp": "tp-size",
        "pp": "pp-size",
        "dp": "dp-size",
        "dcp": "dcp-size",
        "moe_dense_tp": "moe-dense-tp-size",
    },
    "vllm": {
        "tp": "tensor-parallel-size",
        "pp": "pipeline-parallel-size",
        "dp": "data-parallel-size",
        "dcp": "decode-context-parallel-size",
        "enable_expert_parallel": "enable-expert-parallel",
    },
    "llama_cpp": {},
}
"""Engine → field → its flag."""

_COMMON: Mapping[str, Mapping[str, int | bool]] = {
    "single-gpu": {"tp": 1, "pp": 1, "dp": 1},
    "high-throughput": {"tp": 1, "pp": 1, "dp": 8},
    "large-model-tp": {"tp": 8, "pp": 1, "dp": 1},
    "large-model-tp-pp": {"tp": 8, "pp": 2, "dp": 1},
    "balanced": {"tp": 2, "pp": 1, "dp": 4},
}

PRESETS: Mapping[str, Mapping[str, Mapping[str, int | bool]]] = {
    "sglang": {**_COMMON, "moe-optimized": {"tp": 2, "pp": 1, "dp": 8, "moe_dense_tp": 2}},
    "vllm": {
        **_COMMON,
        "moe-optimized": {"tp": 2, "pp": 1, "dp": 8, "enable_expert_parallel": True},
        "long-context": {"tp": 4, "pp": 1, "dp": 1, "dcp": 4},
    },
    "llama_cpp": {"single-gpu": {}},
}
"""Engine → named settings."""

_ELSEWHERE: Mapping[str, str] = {
    "cp": "write 'dcp' (decode context parallelism)",
    "dcp": "only SGLang and vLLM have it",
    "moe_dense_tp": "only SGLang has it",
    "enable_expert_parallel": "it is vLLM's; for SGLang write engine_args.ep_size",
    "moe_tp": "it is TensorRT-LLM's; for SGLang write engine_args.moe_dense_tp_size",
    "moe_ep": "it is TensorRT-LLM's; write engine_args.ep_size (SGLang) or "
    "enable_expert_parallel (vLLM)",
    "moe_cluster": "it is TensorRT-LLM's and has no counterpart; remove it",
}


def arguments(engine: str, fields: Fields) -> dict[str, ParamValue]:
    """The engine's arguments for one parallel setting; sizes of 1 are left to the default.

    Args:
        engine: ``sglang``, ``vllm`` or ``llama_cpp``.
        fields: one value a field of ``FIELDS[engine]``, or one preset.

    Raises:
        ValueError: a field, value, preset or engine is unknown, or sizes do not divide; the text
            says what to write instead.
    """
    known(engine, FIELDS, "engine with a parallel_config")
    setting = settings.single(fields, PRESETS[engine], _WHAT)
    if engine == "llama_cpp":
        return _llama_cpp(setting)
    result: dict[str, ParamValue] = {}
    for name, value in setting.items():
        flag = _flag(engine, name)
        if name.startswith("enable_"):
            if _switch(name, value):
                result[flag] = True
        elif (ways := _size(name, value)) > 1:
            result[flag] = ways
    _check(engine, setting)
    if engine == "sglang" and "moe_dense_tp" in setting:
        _dense_tp(setting, result)
    return result


def alternatives(engine: str, config: Fields) -> dict[str, dict[str, ParamValue]]:
    """Label → arguments of every setting that ``config`` (presets, lists in fields) stands for.

    Raises:
        ValueError: as ``arguments``.
    """
    known(engine, FIELDS, "engine with a parallel_config")
    found = settings.alternatives(config, PRESETS[engine], _WHAT)
    return {label: arguments(engine, fields) for label, fields in found.items()}


def _flag(engine: str, name: str) -> str:
    if name in FIELDS[engine]:
        return FIELDS[engine][name]
    if name in _ELSEWHERE:
        raise ValueError(f"{_WHAT}.{name}: {engine} does not have it; {_ELSEWHERE[name]}.")
    known(name, FIELDS[engine], f"field of {_WHAT} for {engine}")
    raise AssertionError(name)  # known() has raised


def _size(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{_WHAT}.{name} = {value!r} must be a whole number ≥ 1.")
    return value


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{_WHAT}.{name} = {value!r} must be true or false.")
    return value


def _check(engine: str, setting: Fields) -> None:
    tp, dcp = _size("tp", setting.get("tp", 1)), _size("dcp", setting.get("dcp", 1))
    if tp % dcp:
        raise ValueError(
            f"{_WHAT}: dcp = {dcp} must divide tp = {tp}: {engine} splits the context inside the "
            "tensor-parallel group."
        )


def _dense_tp(setting: Fields, result: dict[str, ParamValue]) -> None:
    # SGLang takes 1 or tp; tp is what it does anyway, and 1 is not its default.
    dense, tp = _size("moe_dense_tp", setting["moe_dense_tp"]), setting.get("tp", 1)
    if dense not in (1, tp):
        raise ValueError(
            f"{_WHAT}.moe_dense_tp = {dense}: SGLang takes 1 or the value of tp ({tp}); "
            "leave it out for tp."
        )
    result.pop("moe-dense-tp-size", None)
    if dense != tp:
        result["moe-dense-tp-size"] = dense


def _llama_cpp(setting: Fields) -> dict[str, ParamValue]:
    for name, value in setting.items():
        known(name, ("tp", "pp", "dp"), f"field of {_WHAT} for llama_cpp")
        if _size(name, value) != 1:
            raise ValueError(
                f"{_WHAT}.{name} = {value}: llama.cpp has no such split; write engine_args "
                "'split_mode' and 'tensor_split' (a list with one share for each device)."
            )
    return {}
