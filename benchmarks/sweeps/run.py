"""Measure how long a folder of sweep files takes to parse; see README.md beside this file.

Run from the project's folder: ``python -m benchmarks.sweeps.run [--files N] [--out FILE]``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airtune.testing.fake_task import fake_task

ROOT = Path(__file__).resolve().parents[2]
AIM_S = 10.0

# What the DAG processor does with the file, in a process that has imported Airflow already.
PARSE = """
import json, sys, time
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
began = time.monotonic()
bag = DagBag(sys.argv[1], collect_dags=True)
parsed = time.monotonic()
for dag in bag.dags.values():
    DagSerialization.to_dict(dag)
ended = time.monotonic()
print(json.dumps({
    "dags": len(bag.dags),
    "errors": bag.import_errors,
    "parse_s": parsed - began,
    "serialise_s": ended - parsed,
}))
"""


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write the JSON; 0 when it is within the aim."""
    options = _options(words)
    with tempfile.TemporaryDirectory() as folder:
        write_sweeps(Path(folder) / "sweeps", options.files)
        all_of_them = [parse(Path(folder)) for _ in range(options.repeats)]
        one = [parse(Path(folder), "sweep__night-0") for _ in range(options.repeats)]
    report = {
        "files": options.files,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "all_s": statistics.median(run["parse_s"] + run["serialise_s"] for run in all_of_them),
        "task_process_s": statistics.median(run["parse_s"] for run in one),
        "aim_s": AIM_S,
    }
    print(json.dumps(report, indent=2))
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if report["all_s"] < AIM_S else 1


def write_sweeps(folder: Path, count: int) -> None:
    """``count`` task files, each with a schedule, a space of 20 and a receiver."""
    folder.mkdir()
    for number in range(count):
        task = fake_task(
            f"night-{number}",
            parameters={"random_seed": list(range(5)), "mem_frac": [0.6, 0.7, 0.8, 0.9]},
            schedule={"cron": f"{number % 60} 1 * * *", "timezone": "Europe/Berlin"},
            notify=[{"webhook": {"connection": "team_webhook"}}],
        )
        (folder / f"night-{number}.json").write_text(json.dumps(task))


def parse(home: Path, only: str = "") -> dict[str, Any]:
    """Parse the DAG file in a process of its own; ``only``: as a task of that DAG does."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRTUNE_SWEEP_DIR": str(home / "sweeps"),
        "PYTHONWARNINGS": "ignore",
        **({"_AIRFLOW_PARSING_CONTEXT_DAG_ID": only} if only else {}),
    }
    words = [sys.executable, "-c", PARSE, str(ROOT / "dags" / "sweeps.py")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["errors"]:
        raise RuntimeError(f"the DAG file could not be parsed: {found['errors']}")
    return found


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How long a folder of sweep files takes.")
    parser.add_argument("--files", type=int, default=200, help="sweep files")
    parser.add_argument("--repeats", type=int, default=3, help="the median counts")
    parser.add_argument("--out", type=Path, help="file for the figures as JSON")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
