"""What the page's tables show: texts only, so that templates neither count nor format."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskRow:
    """One task in the list."""

    name: str
    statement: str
    winner: str
    gain: str
    trials: int
    written: str


@dataclass(frozen=True)
class TrialRow:
    """One trial; figures are in the objective's unit, gains in per cent."""

    name: str
    role: str
    configuration: str
    state: str
    remark: str
    failure_class: str
    failure_reason: str
    log_tail: str
    score: str
    penalised: str
    gain: str
    flags: tuple[str, ...]
    start_s: str
    benchmark_s: str
    winner: bool


@dataclass(frozen=True)
class PointRow:
    """One load point of one trial; times in ms, rates in tokens/s, the error rate in per cent."""

    trial: str
    scenario: str
    concurrency: int
    ttft_mean: str
    ttft_p99: str
    tpot_mean: str
    e2e_mean: str
    e2e_p99: str
    output_rate: str
    completed: str
    error_rate: str
    doubts: tuple[tuple[str, str], ...]
    """Each raised flag with the sentence that says why."""
