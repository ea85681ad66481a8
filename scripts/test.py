"""Run the tests that this machine can run, and say which were not run and why.

``python scripts/test.py [unit|airflow|postgres|docker|kubernetes]``; without a part, all of them.
With ``PROVISION=1`` what they need is installed, started, and stopped again at the end.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from airtune.testing import (
    compose_binary,
    docker_disposable,
    docker_images,
    kubernetes_disposable,
    ome_crds,
)
from airtune.testing.postgres import find_binaries, provision
from airtune.testing.provision import private_cluster, private_engine, timed, wanted

ROOT = Path(__file__).resolve().parents[1]
SERVERS = ("airflow", "engine", "bench", "postgres", "docker", "kubernetes", "ome")
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
        share: how they share them; ``loadfile`` where a file's tests share what they start.
    """

    name: str
    markers: str
    missing: str | None = None
    remedy: str = PROVISION
    workers: int = 0
    share: str = "load"


def parts() -> list[Part]:
    """All parts, cheapest first. Every test is in one of them."""
    none = " or ".join(SERVERS)
    environment, postgres = _missing_environment(), _missing_postgres()
    rest = "not docker and not kubernetes"
    return [
        Part("unit", f"not ({none})", workers=2),
        Part("engine", f"(engine or bench) and not airflow and {rest}", environment, "make env"),
        Part(
            "postgres",
            f"postgres and not airflow and {rest}",
            None if os.environ.get("AIRTUNE_TEST_POSTGRES_URL") else postgres,
        ),
        Part("airflow", f"airflow and not postgres and {rest}", environment, "make env"),
        Part("airflow on PostgreSQL", f"airflow and postgres and {rest}", environment or postgres),
        *_docker_parts(environment),
        *_kubernetes_parts(environment),
    ]


def _docker_parts(environment: str | None) -> list[Part]:
    engine, docker = _missing_docker(), "docker and not kubernetes"
    plain = f"{docker} and not compose and not disposable"
    return [
        Part("docker", f"{plain} and not airflow", engine, workers=2, share="loadfile"),
        Part("docker under Airflow", f"{plain} and airflow", environment or engine),
        Part("docker compose", f"{docker} and compose", engine or _missing_compose()),
        Part("docker restarted", f"{docker} and disposable", engine or _not_our_engine()),
    ]


def _kubernetes_parts(environment: str | None) -> list[Part]:
    """With OME's definitions its tests share their servers with the others."""
    cluster, ome = _missing_cluster(), _missing_ome()
    here = "kubernetes and not ome" if ome else "kubernetes"
    plain = f"{here} and not disposable and not quiet"
    parts = [
        # They wait for pods most of the time.
        Part("kubernetes", f"{plain} and not airflow", cluster, workers=3, share="loadfile"),
        Part("kubernetes under Airflow", f"{plain} and airflow", environment or cluster),
        Part("kubernetes restarted", f"{here} and disposable", cluster or _not_our_cluster()),
    ]
    remedy = f"{ome_crds.FOLDER}=… {PROVISION if cluster else 'make test'}"
    if ome:
        return [*parts, Part("kubernetes with OME", "ome", ome, remedy)]
    return [*parts, Part("kubernetes measured", f"{here} and quiet", cluster)]


def _missing_environment() -> str | None:
    absent = [name for name in (".venv-bench", ".venv-engine") if not (ROOT / name).exists()]
    return f"no {' and no '.join(absent)}" if absent else None


def _missing_postgres() -> str | None:
    return None if find_binaries() else "no PostgreSQL server is installed"


def _missing_docker() -> str | None:
    named = os.environ.get(docker_images.HOST)
    return None if named else f"no Docker Engine for tests ({docker_images.HOST} names none)"


def _not_our_engine() -> str | None:
    ours = os.environ.get(docker_disposable.DISPOSABLE) == "1"
    return None if ours else "an engine of somebody's is never restarted"


def _missing_compose() -> str | None:
    return None if compose_binary.find() else compose_binary.why_not() or "no Docker Compose"


def _missing_cluster() -> str | None:
    name = kubernetes_disposable.KUBECONFIG
    named = os.environ.get(name)
    return None if named else f"no Kubernetes cluster for tests ({name} names none)"


def _not_our_cluster() -> str | None:
    ours = os.environ.get(kubernetes_disposable.DISPOSABLE) == "1"
    return None if ours else "a cluster of somebody's is never restarted or filled"


def _missing_ome() -> str | None:
    if ome_crds.crd_folder():
        return None
    return f"no definitions of OME ({ome_crds.FOLDER} names no folder; its chart ome-crd has them)"


def run(part: Part) -> tuple[int, float]:
    """Exit code of pytest for ``part``, and its seconds."""
    began = time.monotonic()
    print(f"\n== {part.name} ==", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "--durations=5", "-m", part.markers]
    command += ["-n", str(part.workers), "--dist", part.share] if part.workers else []
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)  # a terminal has told it already, kill has not
        process.wait(_FAREWELL_S)
        raise
    return code, time.monotonic() - began


@contextmanager
def provided(names: list[str]) -> Iterator[None]:
    """With ``PROVISION=1``: PostgreSQL and a Docker Engine, for as long as the tests run.

    Raises:
        RuntimeError: something cannot be installed or started here.
    """
    chosen = " ".join(names)
    if wanted() and "postgres" in chosen.lower():
        timed("PostgreSQL", provision)
    # The cluster's images are built by an engine.
    needed = "docker" in chosen or ("kubernetes" in chosen and _missing_cluster())
    start = wanted() and needed and _missing_docker()
    with private_engine(compose="compose" in chosen) if start else nullcontext():
        yield


@contextmanager
def cluster_provided(names: list[str]) -> Iterator[None]:
    """With ``PROVISION=1``: a cluster. Not before it is needed: other tests measure time.

    Raises:
        RuntimeError: something cannot be installed, built or started here.
    """
    start = wanted() and names and _missing_cluster()
    with private_cluster() if start else nullcontext():
        yield


def main(words: list[str]) -> int:
    """Run the named part or all; 0 only if every part that ran has passed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    names = [part.name for part in parts() if not words or part.name.startswith(words[0])]
    in_cluster = [name for name in names if name.startswith("kubernetes")]
    summary: list[str] = []
    try:
        with provided(names):
            worst = _run([name for name in names if name not in in_cluster], summary)
            with cluster_provided(in_cluster):
                worst = max(worst, _run(in_cluster, summary))
            return worst
    except RuntimeError as error:
        print(f"PROVISION=1: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; all that was started has been stopped.", file=sys.stderr)
        return 130
    finally:
        print("\n== summary ==", *summary, sep="\n")


def _run(names: list[str], summary: list[str]) -> int:
    worst = 0
    for part in (part for part in parts() if part.name in names):
        if part.missing:
            line = f"  NOT RUN  {part.name}: {part.missing}; `{part.remedy}` provides it"
        else:
            code, seconds = run(part)
            worst = worst or code
            line = f"  {'passed ' if code == 0 else 'FAILED '}  {part.name} ({seconds:.0f} s)"
        summary.append(line)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
