"""What the benchmark tests share: a task, settings, and genai-bench's recorded files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from airtune.benchmark.parse import RawResult, RequestTimes
from airtune.records import Endpoint, LoadPoint
from airtune.settings import Settings
from airtune.task import Task

FIXTURES = Path(__file__).parent / "fixtures"
ENDPOINT = Endpoint(base_url="http://127.0.0.1:8123", model_name="tiny", trial_id=1)
POINT = LoadPoint(scenario="D(32,16)", concurrency=1)


def a_task(tokenizer: str = "org/tiny", engine: str = "llama_cpp", **changes: Any) -> Task:
    """A local task whose benchmark fields can be changed."""
    timeouts = changes.pop("timeouts", {})
    benchmark = {
        "model_name": "tiny",
        "model_tokenizer": tokenizer,
        "traffic_scenarios": ["D(32,16)"],
        "num_concurrency": [1],
        "max_time_per_iteration": 1,
        "max_requests_per_iteration": 8,
    }
    return Task.model_validate(
        {
            "task_name": "bench",
            "launcher": "local",
            "engine": engine,
            "model": {"name": "tiny", "path": "var/models/tiny.gguf"},
            "parameters": {"parallel": [1, 2]},
            "optimization": {"strategy": "grid_search", "objective": "minimize_latency"},
            "benchmark": benchmark | changes,
            "timeouts": timeouts,
        }
    )


def some_settings(home: Path, environ: Mapping[str, str] | None = None, *command: str) -> Settings:
    """Settings of a home of one's own; ``command`` stands for genai-bench."""
    settings = Settings.load({"AIRTUNE_HOME": str(home), **(environ or {})})
    return replace(settings, bench_command=command) if command else settings


def a_result(
    lengths: list[int],
    scenario: str = "D(32,16)",
    concurrency: int = 1,
    errors: Mapping[str, int] | None = None,
) -> RawResult:
    """A result with one completed request of 0.5 s for each of ``lengths``."""
    return RawResult(
        path=Path("result.json"),
        point=LoadPoint(scenario=scenario, concurrency=concurrency),
        seconds=10.0,
        completed=tuple(RequestTimes(0.1, 0.02, 0.5, 40, length) for length in lengths),
        errors=dict(errors or {}),
    )
