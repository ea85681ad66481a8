"""What reduce finds: a winner, or "no better than the baseline", with the evidence."""

from datetime import datetime

from airtune.records.base import Record


class LoadPointGain(Record):
    """Baseline and winner at one load point; ``pct`` > 0 means the winner is better."""

    scenario: str
    concurrency: int
    baseline: float
    winner: float
    pct: float


class Gain(Record):
    """How much better the winner is than the baseline, on the raw metric.

    Attributes:
        pct: gain in per cent; > 0 is better whatever the direction.
        ci95: lower and upper 95 % limit, None below 3 deploys each.
        deploys: fresh deploys of the less often deployed of the two.
    """

    pct: float
    ci95: tuple[float, float] | None = None
    deploys: int
    per_load_point: tuple[LoadPointGain, ...] = ()


class Verdict(Record):
    """The answer of one run.

    Attributes:
        statement: one sentence a person can act on.
        winner: trial id, None when nothing beats the baseline or nothing is feasible.
        best: trial id of the best feasible trial, the baseline included; None if there is none.
        baseline: trial id of the baseline, None if there is none.
        gain: of ``best`` over the baseline; None if either has no raw figure.
        provisional: fewer than 3 deploys each, so no interval.
        feasible: how many trials are feasible and scored.
        nearest_miss: for a run without a feasible trial, what came closest and what it missed.
        measured_at: when the youngest measurement behind it was made.
    """

    statement: str
    winner: int | None = None
    best: int | None = None
    baseline: int | None = None
    gain: Gain | None = None
    provisional: bool = True
    feasible: int = 0
    nearest_miss: str | None = None
    measured_at: datetime | None = None
