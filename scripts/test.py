"""Run the tests that this machine can run, and say which were not run and why.

``python scripts/test.py [unit|airflow|postgres]``; without a part, all of them.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from airtune.testing.postgres import find_binaries, provision

ROOT = Path(__file__).resolve().parents[1]
SERVERS = ("airflow", "engine", "bench", "postgres")


@dataclass(frozen=True)
class Part:
    """Some of the tests: a pytest marker expression, and what they need.

    Attributes:
        missing: why this machine cannot run them, None if it can.
        remedy: the command that would change that.
        workers: processes that share the tests; 0 is none beside pytest itself.
    """

    name: str
    markers: str
    missing: str | None = None
    remedy: str = ""
    workers: int = 0


def parts() -> list[Part]:
    """All parts, cheapest first."""
    none = " or ".join(SERVERS)
    return [
        Part("unit", f"not ({none})", workers=2),
        Part("engine", "(engine or bench) and not airflow", _missing_environment(), "make env"),
        Part(
            "postgres",
            "postgres and not airflow",
            None if os.environ.get("AIRTUNE_TEST_POSTGRES_URL") else _missing_postgres(),
            "PROVISION=1 make test",
        ),
        Part("airflow", "airflow and not postgres", _missing_environment(), "make env"),
        Part(
            "airflow on PostgreSQL",
            "airflow and postgres",
            _missing_environment() or _missing_postgres(),
            "PROVISION=1 make test",
        ),
    ]


def _missing_environment() -> str | None:
    absent = [name for name in (".venv-bench", ".venv-engine") if not (ROOT / name).exists()]
    return f"no {' and no '.join(absent)}" if absent else None


def _missing_postgres() -> str | None:
    return None if find_binaries() else "no PostgreSQL server is installed"


def run(part: Part) -> tuple[int, float]:
    """Exit code of pytest for ``part``, and its seconds."""
    began = time.monotonic()
    print(f"\n== {part.name} ==", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "--durations=5", "-m", part.markers]
    command += ["-n", str(part.workers)] if part.workers else []
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    return code, time.monotonic() - began


def main(words: list[str]) -> int:
    """Run the named part or all; 0 only if every part that ran has passed."""
    if os.environ.get("PROVISION") == "1":
        print("PostgreSQL:", provision(), flush=True)
    chosen = [part for part in parts() if not words or part.name.startswith(words[0])]
    lines, worst = [], 0
    for part in chosen:
        if part.missing:
            lines.append(f"  NOT RUN  {part.name}: {part.missing}; `{part.remedy}` provides it")
            continue
        code, seconds = run(part)
        worst = worst or code
        lines.append(f"  {'passed ' if code == 0 else 'FAILED '}  {part.name} ({seconds:.0f} s)")
    print("\n== summary ==", *lines, sep="\n")
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
