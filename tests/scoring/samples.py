"""Tasks, measurements and trials for the tests of scoring and results."""

from datetime import UTC, datetime
from typing import Any

from airtune.records import (
    Distribution,
    Failure,
    FailureClass,
    Measurement,
    Role,
    Trial,
    TrialState,
    ValidityFlag,
)
from airtune.task import Task

SCENARIO = "D(100,100)"
RUN = "autotune_local/manual__2026-01-02T10:00:00+00:00"


def a_task(
    objective: Any = "minimize_latency",
    concurrency: tuple[int, ...] = (1, 4),
    *,
    scope: str = "per_device",
    min_gain_pct: float = 3,
    weights: dict[str, float] | None = None,
    max_error_rate: float = 0.01,
    **fields: Any,
) -> Task:
    return Task.model_validate(
        {
            "task_name": "smol",
            "deployment_mode": "local",
            "engine": "llama_cpp",
            "model": {"name": "SmolLM2", "path": "model.gguf"},
            "optimization": {
                "objective": objective,
                "scope": scope,
                "min_gain_pct": min_gain_pct,
            },
            "benchmark": {
                "model_name": "SmolLM2",
                "model_tokenizer": "tokenizer",
                "traffic_scenarios": [SCENARIO],
                "num_concurrency": list(concurrency),
                "weights": weights or {},
                "max_error_rate": max_error_rate,
            },
            **fields,
        }
    )


def flat(value: float | None) -> Distribution | None:
    """The same figure for the mean and every percentile."""
    if value is None:
        return None
    return Distribution(mean=value, p50=value, p90=value, p95=value, p99=value)


def at(
    concurrency: int = 1,
    *,
    latency: float | None = 1000.0,
    ttft: float | None = 100.0,
    tpot: float | None = 10.0,
    tokens: float | None = 100.0,
    failed: int = 0,
    codes: dict[str, int] | None = None,
    validity: tuple[ValidityFlag, ...] = (),
) -> Measurement:
    """A load point of 100 requests; latencies in ms, ``tokens`` in tokens/s."""
    return Measurement(
        scenario=SCENARIO,
        concurrency=concurrency,
        seconds=30.0,
        requests=100,
        completed=100 - failed,
        errors=codes or ({"500": failed} if failed else {}),
        error_rate=failed / 100,
        ttft_ms=flat(ttft),
        tpot_ms=flat(tpot),
        e2e_latency_ms=flat(latency),
        output_tokens_per_s=tokens,
        total_tokens_per_s=None if tokens is None else 2 * tokens,
        requests_per_s=None if tokens is None else tokens / 100,
        validity=validity,
        raw_file=f"benchmark_results/smol-exp/{concurrency}.json",
    )


def a_trial(
    trial_id: int,
    *points: Measurement,
    role: Role = Role.SEARCH,
    state: TrialState = TrialState.SUCCEEDED,
    failure: Failure | None = None,
    devices: tuple[str, ...] = ("cpu1",),
    parameters: dict[str, Any] | None = None,
    run: str = RUN,
    **fields: Any,
) -> Trial:
    if parameters is None:
        parameters = {} if role is Role.BASELINE else {"parallel": trial_id}
    return Trial(
        **{
            "trial_id": trial_id,
            "study": "smol-00000000",
            "run": run,
            "slot": trial_id - 1,
            "role": role,
            "label": role.value if role is Role.BASELINE else f"parallel={trial_id}",
            "parameters": parameters,
            "plan_key": f"key-{trial_id}",
            "state": state,
            "failure": failure,
            "load_points": points,
            "argv": ("llama-server", "-m", "model.gguf", "--port", "41234"),
            "devices": devices,
            "measured_at": datetime(2026, 1, 2, 10, trial_id % 60, tzinfo=UTC),
            **fields,
        }
    )


def a_baseline(trial_id: int, *points: Measurement, **fields: Any) -> Trial:
    return a_trial(trial_id, *points, role=Role.BASELINE, **fields)


def failed(
    trial_id: int,
    failure_class: FailureClass = FailureClass.STARTUP_CRASH,
    *points: Measurement,
    role: Role = Role.SEARCH,
    **fields: Any,
) -> Trial:
    failure = Failure(failure_class=failure_class, reason=f"The server said {failure_class}.")
    return a_trial(
        trial_id, *points, role=role, state=failure_class.state, failure=failure, **fields
    )


def both(**figures: Any) -> tuple[Measurement, Measurement]:
    """The load points of ``a_task()``, both with these figures."""
    return at(1, **figures), at(4, **figures)
