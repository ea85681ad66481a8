"""What was understood of a task, in words, so that a wrong unit is seen before hours are spent."""

from collections.abc import Iterator

from airtune.task.objective import RATES, CustomObjective
from airtune.task.slo import SloLimit
from airtune.task.task import Task

_OBJECTIVES = {
    "minimize_latency": "the lowest mean end-to-end latency",
    "minimize_ttft": "the lowest mean time to first token",
    "minimize_tpot": "the lowest mean time per output token",
    "maximize_throughput": "the most output tokens per second",
}
_METRICS = {
    "ttft_ms": "time to first token",
    "tpot_ms": "time per output token",
    "e2e_latency_ms": "end-to-end latency",
    "error_rate": "the share of failed requests",
    "output_tokens_per_s": "output tokens per second",
    "total_tokens_per_s": "tokens per second",
    "requests_per_s": "requests per second",
}


def sentences(task: Task) -> list[str]:
    """Objective, load points, SLO, constraints, schedule and receivers, one sentence each."""
    return [
        _objective(task),
        _points(task),
        *_slo(task),
        *_constraints(task),
        *_schedule(task),
        *_notify(task),
    ]


def _objective(task: Task) -> str:
    optimization, wanted = task.optimization, task.optimization.objective
    if isinstance(wanted, CustomObjective):
        what = f"the {'lowest' if wanted.direction == 'minimize' else 'highest'} "
        what += "" if wanted.metric in RATES else f"{wanted.statistic} "
        what += _METRICS[wanted.metric]
        rate = wanted.metric in RATES
    else:
        what, rate = _OBJECTIVES[wanted], wanted == "maximize_throughput"
    if rate:
        what += " per device held" if optimization.scope == "per_device" else " in all"
    return (
        f"Looks for {what}; the baseline is replaced only by a gain of at least "
        f"{optimization.min_gain_pct:g} %."
    )


def _points(task: Task) -> str:
    users = ", ".join(str(number) for number in task.benchmark.num_concurrency)
    texts = ", ".join(task.benchmark.traffic_scenarios)
    count = len(task.load_points)
    mean = ", combined by weighted geometric mean" if count > 1 else ""
    return (
        f"Measures {count} load point{'s' if count > 1 else ''}: {texts} with {users} closed-loop "
        f"users{mean}."
    )


def _slo(task: Task) -> Iterator[str]:
    if task.slo is None:
        return
    latency = task.slo.latency
    limits = [("mean time to first token", task.slo.ttft)]
    limits.append(("mean time per output token", task.slo.tpot))
    if latency:
        limits += [
            ("p50 end-to-end latency", latency.p50),
            ("p90 end-to-end latency", latency.p90),
            ("p99 end-to-end latency", latency.p99),
        ]
    for name, limit in limits:
        if limit:
            yield _limit(name, limit)


def _limit(name: str, limit: SloLimit) -> str:
    text = f"At each load point {name} above {limit.threshold:g} s ({limit.threshold * 1000:g} ms)"
    text += f" costs a penalty of weight {limit.weight:g}"
    if not limit.hard_fail:
        return text + "."
    last = limit.threshold * (1 + limit.fail_ratio)
    return f"{text}; above {last:g} s the configuration is infeasible."


def _constraints(task: Task) -> Iterator[str]:
    for metric, bound in task.constraints.items():
        bounds = bound if isinstance(bound, dict) else {"": bound}
        for statistic, value in bounds.items():
            name = f"{statistic} {_METRICS[metric]}" if statistic else _METRICS[metric]
            if metric.endswith("_ms") and not statistic:
                name = f"mean {name}"
            unit = " ms" if metric.endswith("_ms") else ""
            side = "below" if metric in RATES else "above"
            limit = f"{name} {side} {value:g}{unit}"
            yield f"A configuration with {limit} at any load point is infeasible."


def _schedule(task: Task) -> Iterator[str]:
    if task.schedule is not None:
        when = f"{task.schedule.cron} ({task.schedule.timezone})"
        yield f"Runs by itself at {when} from the sweep folder, as sweep__{task.task_name}."


def _notify(task: Task) -> Iterator[str]:
    for one in task.notify:
        if one.smtp is not None:
            how = f"by mail to {', '.join(one.smtp.to)} (connection {one.smtp.connection})"
        elif one.webhook is not None:
            how = f"by webhook (connection {one.webhook.connection})"
        what = "Each run of the sweep" if one.on == "always" else "A changed verdict of the sweep"
        yield f"{what} is told {how}."
