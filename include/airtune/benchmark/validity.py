"""When a load point cannot be believed: each flag with the sentence that says why."""

import math
from collections.abc import Iterator

from airtune.benchmark.client import request_params
from airtune.benchmark.parse import RawResult
from airtune.records import LoadPoint, Scenario, ValidityFlag
from airtune.task import Task

_COMPLETED_SHARE = 0.90
_RIGHT_LENGTH_SHARE = 0.99
_REQUESTS_PER_USER = 20


def validity_of(
    raw: RawResult | None, point: LoadPoint, task: Task, problem: str | None = None
) -> dict[ValidityFlag, str]:
    """Every flag that ``raw`` raises, with its reason.

    Args:
        raw: what the client left; None if it left nothing.
        problem: what went wrong with the client itself, for the reason.
    """
    flags: dict[ValidityFlag, str] = {}
    if reason := _incomplete(raw, task.benchmark.max_error_rate, problem):
        flags[ValidityFlag.INCOMPLETE] = reason
    if raw and raw.completed:
        if reason := _wrong_length(raw, Scenario.parse(point.scenario)):
            flags[ValidityFlag.WRONG_LENGTH] = reason
        if reason := _undersampled(raw):
            flags[ValidityFlag.UNDERSAMPLED] = reason
    if not (task.engine == "llama_cpp" and request_params(task).get("cache_prompt") is False):
        flags[ValidityFlag.CACHE_UNKNOWN] = (
            "The server's prefix cache was not emptied before this load point."
        )
    return flags


def _incomplete(raw: RawResult | None, max_error_rate: float, problem: str | None) -> str:
    return " ".join(_shortcomings(raw, max_error_rate, problem))


def _shortcomings(
    raw: RawResult | None, max_error_rate: float, problem: str | None
) -> Iterator[str]:
    if raw is None or not raw.final:
        yield f"The client left no result file{f' ({problem})' if problem else ''}."
    if raw is None:
        return
    failed, done = sum(raw.errors.values()), len(raw.completed)
    sent = failed + done
    if not done:
        yield f"None of {sent} requests completed."
    elif done / sent < _COMPLETED_SHARE:
        yield f"Only {done} of {sent} requests completed."
    elif failed / sent > max_error_rate:
        yield f"{failed} of {sent} requests failed (more than {max_error_rate:.2%})."
    for code, message in raw.error_messages.items():
        yield f"Error {code}: {message}"


def _wrong_length(raw: RawResult, scenario: Scenario) -> str:
    lengths = [one.output_tokens for one in raw.completed]
    low, high = scenario.shortest_output, scenario.longest_output
    if low is None or high is None:
        return ""
    if scenario.kind == "N":
        low = 1  # a normal distribution's tail has no end; its mean is looked at below
    right = sum(low <= length <= high for length in lengths)
    if right / len(lengths) < _RIGHT_LENGTH_SHARE:
        asked = str(high) if low == high else f"{low} to {high}"
        return (
            f"Only {right} of {len(lengths)} answers have the {asked} tokens that were asked for "
            f"(shortest {min(lengths)}, longest {max(lengths)})."
        )
    return _wrong_mean(lengths, scenario)


def _wrong_mean(lengths: list[int], scenario: Scenario) -> str:
    """Answers of varying length: too far from the mean asked for to be chance (4 deviations)."""
    if scenario.mean_output is None or scenario.output_deviation is None:
        return ""
    mean = sum(lengths) / len(lengths)
    # One token more: the client cuts its samples down to whole tokens.
    allowed = 1 + 4 * scenario.output_deviation / math.sqrt(len(lengths))
    if abs(mean - scenario.mean_output) <= allowed:
        return ""
    return f"Answers have {mean:.1f} tokens on average where {scenario.mean_output:.1f} were asked."


def _undersampled(raw: RawResult) -> str:
    wanted = _REQUESTS_PER_USER * raw.point.concurrency
    done = len(raw.completed)
    if done >= wanted:
        return ""
    return (
        f"{done} requests completed and {wanted} are wanted at concurrency "
        f"{raw.point.concurrency}: each stop drops the requests in flight, the slowest ones."
    )
