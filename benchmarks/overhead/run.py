"""Measure what Airflow costs for each trial; see README.md beside this file.

Run from the project's folder: ``python -m benchmarks.overhead.run [--postgres] [--out FILE]``.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airtune.testing.postgres import postgres_server, provision
from benchmarks.overhead.report import markdown, one_device, scaling
from benchmarks.overhead.site import site
from benchmarks.overhead.timeline import TrialTimes

_SLACK_S = 15.0
"""Allowed for each trial beside its measuring, before a run counts as stuck."""

_PARALLELISM = 16
"""Tasks at once on PostgreSQL: two for each trial in flight, and some to spare."""


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print a table, write the JSON; 0 when every figure could be taken."""
    options = _options(words)
    report: dict[str, Any] = {"machine": {"cores": os.cpu_count(), "load_before": _load()}}
    if options.postgres:
        report["scaling"] = measure_scaling(options)
    else:
        report["one_device"] = measure_cost(options)
    report["machine"]["load_after"] = _load()
    print(markdown(report))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")
    return 0


def measure_cost(options: argparse.Namespace) -> dict[str, Any]:
    """Cost per trial: SQLite, one device, several runs of one Airflow."""
    seconds = 2.0 if options.measure is None else options.measure
    limit_s = options.trials * (seconds + _SLACK_S)
    runs: list[list[TrialTimes]] = []
    with site("fake0") as airflow:
        for number in range(options.runs):
            runs.append(airflow.run(f"overhead-{number}", options.trials, seconds, limit_s))
            print(f"run {number + 1} of {options.runs} done", file=sys.stderr, flush=True)
    return one_device(runs)


def measure_scaling(options: argparse.Namespace) -> dict[str, Any]:
    """Trials per hour with several devices over one; both databases on PostgreSQL."""
    seconds = 20.0 if options.measure is None else options.measure
    if os.environ.get("PROVISION") == "1":
        provision()
    found = {}
    with postgres_server() as server:
        for devices in (1, options.devices):
            trials = options.trials_per_device * devices
            names = "fake0" if devices == 1 else f"fake0..{devices - 1}"
            with site(
                names,
                parallelism=_PARALLELISM,
                airflow_url=server.create_database(f"airflow_{devices}"),
                store_url=server.create_database(f"airtune_{devices}"),
            ) as airflow:
                limit_s = options.trials_per_device * (seconds + _SLACK_S)
                found[devices] = airflow.run(f"scale-{devices}", trials, seconds, limit_s)
            print(f"{devices} device(s) done", file=sys.stderr, flush=True)
    return scaling(found[1], found[options.devices], options.devices)


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What Airflow costs for each trial.")
    parser.add_argument("--out", type=Path, help="file for the figures as JSON")
    parser.add_argument("--runs", type=int, default=3, help="runs of the cost benchmark")
    parser.add_argument("--trials", type=int, default=20, help="trials of each of these runs")
    parser.add_argument("--measure", type=float, help="seconds of measuring (2; 20 on PostgreSQL)")
    parser.add_argument("--postgres", action="store_true", help="several devices against one")
    parser.add_argument("--devices", type=int, default=4, help="with --postgres: how many")
    parser.add_argument("--trials-per-device", type=int, default=6, help="with --postgres")
    return parser.parse_args(words)


def _load() -> float:
    return os.getloadavg()[0]


if __name__ == "__main__":
    sys.exit(main())
