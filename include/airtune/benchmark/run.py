"""Measuring one load point: client started, followed, ended, and what it left read."""

import shlex
from collections.abc import Callable
from pathlib import Path

from airtune.benchmark.client import NO_KEY, RAW_FOLDER, client_argv, client_env
from airtune.benchmark.folder import CLIENT_LOG, fresh_folder, redact_files
from airtune.benchmark.measurement import measurement_of
from airtune.benchmark.output import ClientOutput
from airtune.benchmark.parse import RawResult, find_debug, find_result
from airtune.benchmark.process import ProcessRunner
from airtune.benchmark.runner import Ended, Ending, Runner
from airtune.errors import TrialFailed
from airtune.processes.place import Place
from airtune.records import Endpoint, Failure, FailureClass, LoadPoint, Measurement
from airtune.settings import Settings
from airtune.task import Task

_TAIL = 4000


def measure(
    endpoint: Endpoint,
    task: Task,
    point: LoadPoint,
    *,
    folder: Path,
    place: Place,
    limit_s: float,
    settings: Settings,
    log: Callable[[str], None],
    cpus: tuple[int, ...] = (),
    runner: Runner | None = None,
    token: str | None = None,
    api_key: str | None = None,
) -> Measurement:
    """Measure ``point`` at ``endpoint`` with one call of the client.

    The client is ended as soon as its result file is complete: its plots are not waited for.
    However it ends, a Measurement comes back, flagged ``incomplete`` where it left too little.

    Args:
        folder: the trial's folder; the load point gets a fresh one inside it.
        place, cpus: where the client's process is recorded, and the cores it may use (all if
            empty); not looked at when ``runner`` is given.
        limit_s: wall-clock seconds after which client and children are killed.
        log: gets the client's output line by line, bounded.
        runner: how the client is run; left out, as a process of this host.
        token: for a tokenizer that the hub must be asked for; appears in no output.
        api_key: the server's, if it has one; appears in no output.

    Raises:
        TrialFailed: ``benchmark_timeout``; ``cancelled`` when this attempt is over; ``image`` or
            ``infrastructure`` where the runner could not run the client.
        TaskError: the tokenizer is a path and nothing is there.
    """
    runner = runner or ProcessRunner(place, cpus, settings)
    own = fresh_folder(folder, point)
    around = runner.surroundings(endpoint, task, own)
    argv = client_argv(around, endpoint, task, point, api_key or NO_KEY)
    _mute_own_log(own / "log")
    secrets = [secret for secret in (token, api_key) if secret]
    found: list[RawResult] = []
    with ClientOutput(own / CLIENT_LOG, log, secrets) as output:
        output.feed(f"{point.key}: {shlex.join(argv)}\n".encode())
        ending = runner.run(
            argv,
            env=client_env(around, token),
            around=around,
            output=output,
            limit_s=limit_s,
            complete=lambda: _complete(own / RAW_FOLDER, point, found),
        )
        tail = output.tail
    redact_files(own, secrets)
    _raise_if_stopped(ending, point, limit_s, tail)
    raw = found[0] if found else find_debug(own / RAW_FOLDER, point)
    measurement = measurement_of(raw, point, task, ending.seconds, _problem(ending, tail))
    log(_summary(measurement, ending))
    return measurement


def _complete(folder: Path, point: LoadPoint, found: list[RawResult]) -> bool:
    if result := find_result(folder, point):
        found.append(result)
    return bool(found)


def _mute_own_log(folder: Path) -> None:
    """The client's log file has no bound and repeats its output, which is kept in client.log."""
    folder.mkdir()
    (folder / "genai_bench.log").symlink_to("/dev/null")


def _raise_if_stopped(ending: Ending, point: LoadPoint, limit_s: float, tail: str) -> None:
    if ending.how is Ended.LIMIT:
        raise TrialFailed(
            Failure(
                failure_class=FailureClass.BENCHMARK_TIMEOUT,
                reason=f"{point.key}: not measured within {limit_s:g} s; raise "
                "timeouts.load_point_s or lower benchmark.max_requests_per_iteration.",
                log_tail=tail[-_TAIL:],
            )
        )
    if ending.how is Ended.FENCED_OFF:
        raise TrialFailed(
            Failure(
                failure_class=FailureClass.CANCELLED,
                reason=f"{point.key}: this attempt was ended before its client had started.",
            )
        )


def _problem(ending: Ending, tail: str) -> str | None:
    if ending.how is Ended.SERVER_GONE:
        return "it was ended because its server had stopped"
    if ending.exit_code is None:
        return None
    lines = [line for line in tail.splitlines() if line.strip()]
    last = lines[-1].strip()[:300] if lines else "it printed nothing"
    return f"exit code {ending.exit_code}; its last line: {last}"


def _summary(measurement: Measurement, ending: Ending) -> str:
    text = (
        f"{measurement.load_point.key}: {measurement.completed} of {measurement.requests} requests "
        f"completed in {measurement.seconds:.1f} s (client {ending.seconds:.1f} s)"
    )
    if measurement.ttft_ms and measurement.e2e_latency_ms and measurement.output_tokens_per_s:
        text += (
            f"; TTFT {measurement.ttft_ms.mean:.0f} ms, E2E {measurement.e2e_latency_ms.mean:.0f} "
            f"ms, {measurement.output_tokens_per_s:.1f} output tokens/s"
        )
    return "\n".join([text, *(f"  {flag}: {why}" for flag, why in measurement.notes.items())])
