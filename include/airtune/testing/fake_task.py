"""Tasks for the fake engine: SGLang's flags, fake latencies, faults by random seed."""

import json
from typing import Any


def fake_task(
    name: str,
    *,
    parameters: dict[str, list[Any]],
    rules: list[dict[str, Any]] | None = None,
    replay: bool = True,
    **changes: Any,
) -> dict[str, Any]:
    """A local task for the fake engine.

    Args:
        parameters: name → values.
        rules: the fake engine's rules (``FAKE_ENGINE``), which may look at any flag.
        replay: measured by the replayed client; the real genai-bench otherwise.
        changes: top-level fields to add or replace.
    """
    model = f"{'replay' if replay else 'fake'}-{name}"
    # Where real requests are timed, a busy machine must not make up for the difference to a rule.
    slow = {"ttft_ms": 40, "tpot_ms": 4} if replay else {"ttft_ms": 120, "tpot_ms": 8}
    return {
        "task_name": name,
        "deployment_mode": "local",
        "engine": "sglang",
        "model": {"name": model},
        "env": {"FAKE_ENGINE": json.dumps({**slow, "rules": rules or []})},
        "parameters": {
            key: {"type": "choice", "values": values} for key, values in parameters.items()
        },
        "optimization": {"strategy": "grid_search", "objective": "minimize_latency"},
        "benchmark": {
            "task": "text-to-text",
            "model_name": model,
            "model_tokenizer": "var/tokenizers/SmolLM2-135M",
            "traffic_scenarios": ["D(20,10)"],
            "num_concurrency": [1],
            "max_time_per_iteration": 1,
            "max_requests_per_iteration": 20,
        },
        **changes,
    }
