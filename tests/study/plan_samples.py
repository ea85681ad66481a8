"""Tasks and settings for the tests of planning."""

from pathlib import Path
from typing import Any

from airtune.settings import Settings
from airtune.task import Task, read_task


def a_task(optimization: dict[str, Any] | None = None, **changes: Any) -> Task:
    """A Docker task for SGLang that searches tp_size × mem_frac, with top-level ``changes``."""
    data: dict[str, Any] = {
        "task_name": "sample",
        "deployment_mode": "docker",
        "base_runtime": "sglang",
        "model": {"name": "llama-3-2-1b-instruct"},
        "parameters": {"tp_size": [1, 2], "mem_frac": [0.8, 0.9]},
        "optimization": {"objective": "minimize_latency", **(optimization or {})},
        "benchmark": {
            "model_tokenizer": "meta-llama/Llama-3.2-1B-Instruct",
            "traffic_scenarios": ["D(100,100)"],
            "num_concurrency": [1, 4],
            "max_time_per_iteration": 2,
            "max_requests_per_iteration": 50,
        },
    }
    return read_task(data | changes)


def a_local_task(**changes: Any) -> Task:
    """A local task for llama.cpp."""
    local = {
        "deployment_mode": "local",
        "base_runtime": "llama.cpp",
        "model": {"name": "tiny", "path": "var/models/tiny.gguf"},
        "parameters": {"parallel": [1, 2]},
    }
    return a_task(**(local | changes))


def some_settings(home: Path, **environ: str) -> Settings:
    """Settings of an installation in ``home``."""
    return Settings.load({"AIRTUNE_HOME": str(home), **environ})


def million() -> dict[str, list[int]]:
    """Six parameters of ten values each."""
    names = (
        "chunked-prefill-size",
        "cuda-graph-max-bs",
        "max-num-seqs",
        "max-prefill-tokens",
        "page-size",
        "stream-interval",
    )
    return {name: list(range(2, 12)) for name in names}


MILLION_CONSTRAINTS = ["max_num_seqs * page_size <= 40", "max_prefill_tokens > stream_interval"]
