"""A home of its own for a test's Airflow: the project's parts, nobody else's results."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from airtune.processes.record import ProcessRecord, kill

PROJECT = Path(__file__).resolve().parents[3]
_SHARED = ("dags", "plugins", "examples", "include", ".venv-bench", ".venv-engine")


def make_home(folder: Path) -> Path:
    """A folder to be ``AIRTUNE_HOME``: links to the project, its own ``var`` and results."""
    (folder / "var").mkdir(parents=True)
    for name in _SHARED:
        (folder / name).symlink_to(PROJECT / name)
    for name in ("models", "tokenizers"):
        (folder / "var" / name).symlink_to(PROJECT / "var" / name)
    return folder


def home_environment(home: Path, devices: str, **changes: str) -> Mapping[str, str]:
    """``AIRTUNE_*`` variables for a stack in ``home``.

    The fake engine stands for SGLang, so a task of it goes the whole way: flags, devices, argv.
    genai-bench is the real one but for models named ``replay-…``.
    """
    fake = ["python", "-m", "airtune.testing.fake_engine"]
    return {
        "AIRTUNE_HOME": str(home),
        "AIRTUNE_DEVICES": devices,
        "AIRTUNE_BENCH_PYTHON": str(PROJECT / ".venv-bench/bin/python"),
        "AIRTUNE_ENGINE_PYTHON": str(PROJECT / ".venv-engine/bin/python"),
        "AIRTUNE_ENGINE_COMMANDS": json.dumps({"sglang": fake}),
        "AIRTUNE_BENCH_COMMAND": json.dumps(["python", "-m", "airtune.testing.replay"]),
        "PATH": os.environ["PATH"],
        **changes,
    }


def end_processes(home: Path) -> list[str]:
    """End every server and client that is recorded in ``home``; returns the records' paths.

    They outlive the tasks that started them, so stopping Airflow in the middle of a run leaves
    them to the next run of that home, which a test's home does not have.
    """
    ended = []
    for path in sorted((home / "var" / "run").glob("*/*/*-*.json")):
        record = ProcessRecord.read(path)
        if record is not None and record.members():
            kill(record, grace_s=1.0)
            ended.append(str(path))
    return ended
