"""The task's own hard constraints: bounds on metrics, in the metric's own unit."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from airtune.task.fault import fault
from airtune.task.hints import choose
from airtune.task.objective import LATENCIES, RATES, STATISTICS

_METRICS = (*LATENCIES, "error_rate", *RATES)
_NUMBER = {"type": "number", "minimum": 0}
_EXAMPLE = 'Write for example {"ttft_ms": {"p99": 500}, "error_rate": 0.01}.'


def constraints(value: object) -> dict[str, Any]:
    """Check the whole block; see ``Constraints`` for its form."""
    if not isinstance(value, dict):
        raise fault("is no object of metrics and bounds.", _EXAMPLE)
    for metric, bound in value.items():
        if metric not in _METRICS:
            raise fault("is no metric.", choose(metric, _METRICS), metric)
        if isinstance(bound, dict):
            _statistics(metric, bound)
        else:
            _bound(bound, metric)
    if value.get("error_rate", 0) > 1:
        raise fault("is more than 1.", "Write a share such as 0.01 for 1 %.", "error_rate")
    return value


def _statistics(metric: str, bounds: dict[str, object]) -> None:
    if metric not in LATENCIES:
        raise fault(
            "has no percentiles, it is one figure for all requests.",
            f'Write a number: "{metric}": 100.',
            metric,
        )
    if not bounds:
        raise fault("has no bound.", 'Write for example {"p99": 500}.', metric)
    for statistic, bound in bounds.items():
        if statistic not in STATISTICS:
            raise fault("is no statistic.", choose(statistic, STATISTICS), metric, statistic)
        _bound(bound, metric, statistic)


def _bound(bound: object, *path: str) -> None:
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        raise fault("is no number.", "Write a number without quotes, such as 500.", *path)
    if bound < 0:
        raise fault("is below 0.", "Write a bound of 0 or more.", *path)


Constraints = Annotated[
    dict[str, float | dict[str, float]],
    BeforeValidator(constraints),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **{
                    metric: {
                        "anyOf": [
                            _NUMBER,
                            {
                                "type": "object",
                                "additionalProperties": False,
                                "minProperties": 1,
                                "properties": dict.fromkeys(STATISTICS, _NUMBER),
                            },
                        ]
                    }
                    for metric in LATENCIES
                },
                "error_rate": _NUMBER | {"maximum": 1},
                **dict.fromkeys(RATES, _NUMBER),
            },
        }
    ),
]
"""Metric → bound. Latencies (ms) take ``{"p99": 500}`` or a number for the mean, at most;
``error_rate`` at most; rates (per second) at least."""
