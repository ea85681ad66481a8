"""Run the tests that this machine can run, and say which were not run and why.

``python scripts/test.py [unit|airflow|postgres|docker]``; without a part, all of them.
With ``PROVISION=1`` what they need is installed, started, and stopped again at the end.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from airtune.testing import compose_binary, docker_engine, docker_images, docker_install
from airtune.testing.docker_disposable import DISPOSABLE
from airtune.testing.postgres import find_binaries, provision

Made = TypeVar("Made")
ROOT = Path(__file__).resolve().parents[1]
SERVERS = ("airflow", "engine", "bench", "postgres", "docker")
PROVISION = "PROVISION=1 make test"
_FAREWELL_S = 120.0
"""How long interrupted tests may take to stop what they have started."""


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
    environment, postgres = _missing_environment(), _missing_postgres()
    engine, plain = _missing_docker(), "not compose and not disposable"
    return [
        Part("unit", f"not ({none})", workers=2),
        Part("engine", "(engine or bench) and not airflow and not docker", environment, "make env"),
        Part(
            "postgres",
            "postgres and not airflow and not docker",
            None if os.environ.get("AIRTUNE_TEST_POSTGRES_URL") else postgres,
            PROVISION,
        ),
        Part("airflow", "airflow and not postgres and not docker", environment, "make env"),
        Part(
            "airflow on PostgreSQL",
            "airflow and postgres and not docker",
            environment or postgres,
            PROVISION,
        ),
        Part("docker", f"docker and not airflow and {plain}", engine, PROVISION),
        Part(
            "docker under Airflow",
            f"docker and airflow and {plain}",
            environment or engine,
            PROVISION,
        ),
        Part("docker compose", "docker and compose", engine or _missing_compose(), PROVISION),
        Part("docker restarted", "docker and disposable", engine or _not_ours(), PROVISION),
    ]


def _missing_environment() -> str | None:
    absent = [name for name in (".venv-bench", ".venv-engine") if not (ROOT / name).exists()]
    return f"no {' and no '.join(absent)}" if absent else None


def _missing_postgres() -> str | None:
    return None if find_binaries() else "no PostgreSQL server is installed"


def _missing_docker() -> str | None:
    named = os.environ.get(docker_images.HOST)
    return None if named else f"no Docker Engine for tests ({docker_images.HOST} names none)"


def _not_ours() -> str | None:
    ours = os.environ.get(DISPOSABLE) == "1"
    return None if ours else "an engine of somebody's is never restarted"


def _missing_compose() -> str | None:
    return None if compose_binary.find() else compose_binary.why_not() or "no Docker Compose"


def run(part: Part) -> tuple[int, float]:
    """Exit code of pytest for ``part``, and its seconds."""
    began = time.monotonic()
    print(f"\n== {part.name} ==", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "--durations=5", "-m", part.markers]
    command += ["-n", str(part.workers)] if part.workers else []
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)  # a terminal has told it already, kill has not
        process.wait(_FAREWELL_S)
        raise
    return code, time.monotonic() - began


@contextmanager
def provided(words: list[str]) -> Iterator[None]:
    """With ``PROVISION=1``: the servers that the tests need, for as long as they run.

    Raises:
        RuntimeError: something cannot be installed or started here.
    """
    if os.environ.get("PROVISION") != "1":
        yield
        return
    chosen = " ".join(part.name for part in _chosen(words))
    if "postgres" in chosen.lower():
        _timed("PostgreSQL", provision)
    with _engine() if "docker" in chosen and _missing_docker() else nullcontext():
        yield


@contextmanager
def _engine() -> Iterator[None]:
    _timed("Docker's packages", docker_install.provision)
    if compose_binary.why_not() is None:
        _timed("Docker Compose", compose_binary.provision)
    engine = _timed("Docker Engine", docker_engine.start)
    try:
        os.environ.update(engine.environment)
        _timed("base image", docker_images.base)
        yield
    finally:
        for name in engine.environment:
            os.environ.pop(name, None)
        engine.stop()


def _timed(what: str, make: Callable[[], Made]) -> Made:
    began = time.monotonic()
    made = make()
    shown = made.url if isinstance(made, docker_engine.DockerEngine) else made
    print(f"{what}: {shown} ({time.monotonic() - began:.0f} s)", flush=True)
    return made


def main(words: list[str]) -> int:
    """Run the named part or all; 0 only if every part that ran has passed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    try:
        with provided(words):
            return _run(words)
    except RuntimeError as error:
        print(f"PROVISION=1: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; all that was started has been stopped.", file=sys.stderr)
        return 130


def _chosen(words: list[str]) -> list[Part]:
    return [part for part in parts() if not words or part.name.startswith(words[0])]


def _run(words: list[str]) -> int:
    lines, worst = [], 0
    for part in _chosen(words):
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
