"""parallel_config reaches the command line, or is refused with what to write."""

import pytest

from airtune.engines import ENGINES
from airtune.engines import parallelism as p
from airtune.records import ParamValue


@pytest.mark.parametrize(
    ("engine", "fields", "expected"),
    [
        ("sglang", {"tp": 4, "pp": 1, "dp": 2}, {"tp-size": 4, "dp-size": 2}),
        ("vllm", {"tp": 4, "pp": 2}, {"tensor-parallel-size": 4, "pipeline-parallel-size": 2}),
        ("vllm", {"enable_expert_parallel": True}, {"enable-expert-parallel": True}),
        ("vllm", {"enable_expert_parallel": False, "tp": None}, {}),
        ("vllm", {"preset": "long-context"}, {"tensor-parallel-size": 4,
                                              "decode-context-parallel-size": 4}),
        ("sglang", {"tp": 2, "moe_dense_tp": 1}, {"tp-size": 2, "moe-dense-tp-size": 1}),
        ("sglang", {"tp": 2, "moe_dense_tp": 2}, {"tp-size": 2}),
        ("sglang", {"moe_dense_tp": 1}, {}),
        ("llama_cpp", {"preset": "single-gpu"}, {}),
        ("llama_cpp", {"tp": 1}, {}),
    ],
)  # fmt: skip
def test_a_setting_becomes_flags(
    engine: str, fields: dict[str, object], expected: dict[str, ParamValue]
) -> None:
    assert p.arguments(engine, fields) == expected


@pytest.mark.parametrize(
    ("engine", "preset", "devices"),
    [
        ("sglang", "single-gpu", 1),
        ("sglang", "moe-optimized", 16),
        ("vllm", "high-throughput", 8),
        ("vllm", "large-model-tp-pp", 16),
        ("vllm", "long-context", 4),
        ("vllm", "balanced", 8),
    ],
)
def test_a_preset_says_how_many_devices_it_needs(engine: str, preset: str, devices: int) -> None:
    assert ENGINES[engine].devices(p.arguments(engine, {"preset": preset})) == devices


@pytest.mark.parametrize(
    ("engine", "fields", "text"),
    [
        ("vllm", {"tp": 0}, "whole number"),
        ("vllm", {"tp": "2"}, "whole number"),
        ("vllm", {"tp": True}, "whole number"),
        ("vllm", {"enable_expert_parallel": 1}, "true or false"),
        ("vllm", {"tpp": 2}, "Did you mean 'tp'"),
        ("vllm", {"tp": 4, "dcp": 3}, "dcp = 3 must divide tp = 4"),
        ("vllm", {"moe_dense_tp": 2}, "only SGLang has it"),
        ("vllm", {"moe_ep": 2}, "enable_expert_parallel"),
        ("sglang", {"enable_expert_parallel": True}, "ep_size"),
        ("sglang", {"cp": 2}, "dcp"),
        ("sglang", {"tp": 8, "moe_dense_tp": 4}, r"1 or the value of tp \(8\)"),
        ("sglang", {"preset": "long-context"}, "no parallel_config preset"),
        ("llama_cpp", {"tp": 2}, "tensor_split"),
        ("trt", {}, "no engine with a parallel_config"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(
    engine: str, fields: dict[str, object], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        p.arguments(engine, fields)


def test_lists_are_combined_in_all_ways() -> None:
    assert p.alternatives("sglang", {"tp": [2, 4], "dp": [1, 2]}) == {
        "tp=2 dp=1": {"tp-size": 2},
        "tp=2 dp=2": {"tp-size": 2, "dp-size": 2},
        "tp=4 dp=1": {"tp-size": 4},
        "tp=4 dp=2": {"tp-size": 4, "dp-size": 2},
    }


@pytest.mark.parametrize("engine", sorted(p.PRESETS))
def test_every_preset_is_accepted_by_its_engine(engine: str) -> None:
    for preset in p.PRESETS[engine]:
        assert ENGINES[engine].devices(p.arguments(engine, {"preset": preset})) >= 1
