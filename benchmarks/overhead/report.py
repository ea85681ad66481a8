"""What the benchmark says, as JSON and as a Markdown table."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.overhead.timeline import (
    TrialTimes,
    cost_per_trial,
    gaps,
    median_phases,
    trials_per_hour,
    wall,
)

AIM_COST_S = 1.5
AIM_RATIO = 3.6

_MEANING = {
    "deploy_end": "server ready → deploy has ended",
    "scheduler": "end of a task → next one with the executor (×2)",
    "process": "with the executor → its process runs (×2)",
    "parse": "process runs → operator's code begins (×2)",
    "benchmark": "benchmark's work beside the measuring, its end",
    "teardown": "operator's code begins → no process left",
    "handover": "no process left → next trial holds the device",
    "gap": "the whole gap between two trials",
}


def one_device(runs: Sequence[Sequence[TrialTimes]]) -> dict[str, Any]:
    """Cost per trial of runs on one device; figures in seconds, medians over runs or gaps."""
    found = [phases for trials in runs for phases in gaps(trials)]
    costs = [cost_per_trial(trials) for trials in runs]
    return {
        "trials_per_run": [len(trials) for trials in runs],
        "cost_per_trial_s": {"runs": costs, "median": median(costs), "aim": AIM_COST_S},
        "gap_s": median_phases(found),
        "start_s_median": median(trial.start_s for trials in runs for trial in trials),
        "measure_s_median": median(trial.measure_s for trials in runs for trial in trials),
    }


def scaling(one: Sequence[TrialTimes], many: Sequence[TrialTimes], devices: int) -> dict[str, Any]:
    """Trials per hour on several devices over one."""
    return {
        "devices": devices,
        "trials": {"one": len(one), "many": len(many)},
        "gap_s": {"one": median_phases(gaps(one)), "many": median_phases(gaps(many))},
        "wall_s": {"one": wall(one), "many": wall(many)},
        "trials_per_hour": {"one": trials_per_hour(one), "many": trials_per_hour(many)},
        "ratio": trials_per_hour(many) / trials_per_hour(one),
        "aim": AIM_RATIO,
    }


def markdown(report: Mapping[str, Any]) -> str:
    """The report for a reader."""
    machine = report["machine"]
    lines = [
        f"{machine['cores']} cores; load {machine['load_before']:.1f} before, "
        f"{machine['load_after']:.1f} after (the benchmark's own included).",
    ]
    if cost := report.get("one_device"):
        lines += ["", *_cost_lines(cost)]
    if ratio := report.get("scaling"):
        lines += ["", *_ratio_lines(ratio)]
    return "\n".join(lines)


def _cost_lines(cost: Mapping[str, Any]) -> list[str]:
    runs = ", ".join(f"{value:.2f}" for value in cost["cost_per_trial_s"]["runs"])
    rows = [
        f"| {name} | {cost['gap_s'][name]:.3f} | {meaning} |" for name, meaning in _MEANING.items()
    ]
    return [
        f"**Airflow costs {cost['cost_per_trial_s']['median']:.2f} s a trial** on SQLite, one "
        f"device (runs: {runs}; aim ≤ {AIM_COST_S}); "
        f"trials per run: {', '.join(map(str, cost['trials_per_run']))}.",
        "",
        "| part | median, s | what it is |",
        "|---|---|---|",
        *rows,
    ]


def _ratio_lines(ratio: Mapping[str, Any]) -> list[str]:
    hour = ratio["trials_per_hour"]
    return [
        f"**{ratio['devices']} devices do {ratio['ratio']:.2f} × the trials of one** on "
        f"PostgreSQL (aim ≥ {AIM_RATIO}): {hour['many']:.0f} against {hour['one']:.0f} an hour.",
        "",
        f"| part | median, s: one device | {ratio['devices']} devices | what it is |",
        "|---|---|---|---|",
        *(
            f"| {name} | {ratio['gap_s']['one'][name]:.3f} | {ratio['gap_s']['many'][name]:.3f} "
            f"| {meaning} |"
            for name, meaning in _MEANING.items()
        ),
    ]
