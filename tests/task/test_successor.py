"""Fields that users of the seed's successor have in their files: read, or refused with a fix."""

import pytest

from airtune.task import read_task
from airtune.task.parameters import Choice, Range

SLO = {
    "latency": {
        "p50": {"threshold": 2.0, "weight": 1.0, "hard_fail": False},
        "p99": {"threshold": 10.0, "weight": 3.0, "hard_fail": True, "fail_ratio": 0.2},
    },
    "ttft": {"threshold": 1.0, "weight": 2.0},
    "tpot": {"threshold": 0.05},
    "steepness": 0.2,
}


def test_slo_block_is_read_with_its_defaults(make):
    slo = read_task(make({"slo": SLO})).slo

    assert slo.latency.p50.fail_ratio == 0.5
    assert (slo.latency.p99.hard_fail, slo.latency.p99.fail_ratio) == (True, 0.2)
    assert (slo.tpot.weight, slo.tpot.hard_fail) == (1.0, False)
    assert slo.latency.p90 is None
    assert slo.steepness == 0.2


def test_slo_with_one_limit_is_read(make):
    slo = read_task(make({"slo": {"latency": {"p99": {"threshold": 10}}}})).slo

    assert slo.latency.p99.threshold == 10
    assert slo.ttft is None
    assert slo.steepness == 0.1


def test_model_by_id_or_path_plain_lists_and_image_tag_are_read(make):
    task = read_task(
        make(
            {
                "model": {"id_or_path": "llama-3-2-1b-instruct", "namespace": "autotuner"},
                "runtime_image_tag": "v0.5.2-cu126",
                "parameters": {"mem-fraction-static": [0.7, 0.8]},
                "optimization/seed": 7,
            }
        )
    )

    assert task.model.name == "llama-3-2-1b-instruct"
    assert task.model.hub_id is None
    assert task.image_tag == "v0.5.2-cu126"
    assert task.parameters["mem-fraction-static"] == Choice(values=[0.7, 0.8])
    assert task.optimization.seed == 7


def test_ranges_are_read(make):
    task = read_task(
        make(
            {
                "parameters": {
                    "mem": {"type": "continuous", "low": 0.75, "high": 0.95},
                    "max": {"type": "integer", "low": 4096, "high": 16384, "log": True},
                },
                "optimization/strategy": "random",
            }
        )
    )

    assert task.parameters["max"] == Range(type="integer", low=4096, high=16384, log=True)
    assert not task.parameters["mem"].integer


@pytest.mark.parametrize(
    ("field", "config"),
    [
        ("quant_config", {"preset": "kv-cache-fp8"}),
        ("quant_config", {"presets": ["default", "kv-cache-fp8", "dynamic-fp8"]}),
        ("quant_config", {"gemm_dtype": "fp8", "kvcache_dtype": "fp8_e5m2", "moe_dtype": "auto"}),
        ("parallel_config", {"tp": [2, 4], "dp": [1, 2]}),
    ],
)
def test_quantisation_and_parallelism_are_read_as_written(make, field, config):
    assert getattr(read_task(make({field: config})), field) == config


def test_null_for_an_optional_key_is_its_absence(make):
    nulls = dict.fromkeys(["slo", "quant_config", "parallel_config", "runtime_image_tag"])

    assert read_task(make(nulls)) == read_task(make({}))


def test_nothing_to_search_but_presets_is_a_space(make):
    task = read_task(
        make({"parameters": {}, "quant_config": {"presets": ["default", "dynamic-fp8"]}})
    )

    assert task.parameters == {}


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("storage", {"type": "pvc", "pvc_name": "x"}, '"kubernetes": {"model_claim": {"claim":'),
        ("storage", {"type": "pvc", "pvc_name": "x"}, "give the (Cluster)BaseModel its storage"),
        ("gpu_type", "h100", '"kubernetes": {"gpu_product":'),
        ("gpu_type", "h100", "AIRTUNE_DEVICES"),
        ("clusterbasemodel_config", {"preset": "x"}, '"ome": {"model_spec":'),
        ("clusterservingruntime_config", {"preset": "x"}, '"ome": {"runtime_spec":'),
        ("kubeconfig", "/etc/kubeconfig", 'Write it as "kubernetes.kubeconfig".'),
        ("namespace", "autotuner", 'Write it as "model.namespace".'),
        ("optimization/strategy", "bayesian", 'Write "random" with max_iterations'),
        ("optimization/strategy", "random_search", 'Write "random".'),
        ("optimization/n_initial_random", 5, 'strategies are "grid_search" and "random"'),
        ("optimization/study_name", "s", "the same task continues its study"),
        ("optimization/storage", "sqlite:///x.db", "AIRTUNE_STORE_URL"),
        ("benchmark/dataset_url", "https://example.com/a.csv", "traffic_scenarios"),
        ("benchmark/dataset_deduplicate", True, "Remove it"),
        ("slo", {"throughput": {"threshold": 5}}, '"constraints": {"output_tokens_per_s": 100}'),
        ("slo", {"latency": {"p95": {"threshold": 5}}}, '"e2e_latency_ms": {"p95": 5000}'),
        ("slo_config", {}, 'Write it as "slo".'),
    ],
)
def test_what_airtune_has_not_is_refused_with_what_to_write(refusal, key, value, fix):
    (problem,) = refusal({key: value})

    assert problem.path.startswith(key.replace("/", "."))
    assert fix in problem.fix
