"""The client as a process: followed, bounded in time, and ended with all that belongs to it."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airtune.benchmark.output import ClientOutput
from airtune.benchmark.runner import Ended, Ending
from airtune.benchmark.surroundings import Surroundings, on_host
from airtune.processes.entry import GATE_SHUT
from airtune.processes.place import Place
from airtune.processes.record import ProcessRecord, kill
from airtune.records import Endpoint, ValidityFlag
from airtune.settings import Settings
from airtune.task import Task

_LOOK_S = 0.2
_WAIT_S = 0.1
_CHUNK = 1 << 16
_CHUNKS = 16
"""Between two looks at the clock at most this much output is read, however fast it comes."""
_GRACE_S = 2.0


@dataclass(frozen=True)
class ProcessRunner:
    """Runs the client as a process of this host.

    Attributes:
        place: where the client is recorded, and whose gate it obeys.
        cpus: cores the client may use; all if empty.
    """

    place: Place
    cpus: tuple[int, ...]
    settings: Settings

    def surroundings(self, endpoint: Endpoint, task: Task, own: Path) -> Surroundings:
        """Those of this host."""
        return on_host(endpoint, task, own, self.settings)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        around: Surroundings,
        output: ClientOutput,
        limit_s: float,
        complete: Callable[[], bool],
    ) -> Ending:
        """Run it as ``run_client`` does; a shut gate means that this attempt is over."""
        ending = run_client(
            argv,
            env=env,
            folder=around.own,
            place=self.place,
            cpus=self.cpus,
            output=output,
            limit_s=limit_s,
            complete=complete,
        )
        if ending.exit_code == GATE_SHUT and self.place.gate.exists():
            return Ending(Ended.FENCED_OFF, None, ending.seconds)
        return ending

    def doubts(self) -> Mapping[ValidityFlag, str]:
        """None: the client has cores of its own, or there are only so many."""
        return {}


def run_client(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    folder: Path,
    place: Place,
    cpus: Sequence[int],
    output: ClientOutput,
    limit_s: float,
    complete: Callable[[], bool],
) -> Ending:
    """Run the client until it ends, until ``complete()`` is true, or until ``limit_s`` is over.

    When this returns or raises, the client and its children are gone. The client stays in this
    process's group, so whoever signals the task's group reaches it too; it ends with this process.
    """
    started = time.monotonic()
    pipe, client_end = os.pipe()
    process = subprocess.Popen(
        _entry(argv, place, cpus),
        env=dict(env),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=client_end,
        stderr=subprocess.STDOUT,
    )
    os.close(client_end)
    try:
        how = _follow(process, pipe, output, started + limit_s, complete)
        code = process.returncode if how is Ended.BY_ITSELF else None
        return Ending(how, code, time.monotonic() - started)
    finally:
        _end(process, place)
        _drain(pipe, output, wait_s=0)
        os.close(pipe)


def _entry(argv: Sequence[str], place: Place, cpus: Sequence[int]) -> list[str]:
    entry = [sys.executable, "-m", "airtune.processes.entry"]
    entry += ["--record", str(place.record("client")), "--gate", str(place.gate)]
    entry += ["--die-with-parent", str(os.getpid())]
    if cpus:
        entry += ["--cpus", ",".join(map(str, cpus))]
    return [*entry, "--", *argv]


def _follow(
    process: subprocess.Popen[bytes],
    pipe: int,
    output: ClientOutput,
    deadline: float,
    complete: Callable[[], bool],
) -> Ended:
    next_look = 0.0
    while True:
        _drain(pipe, output, _WAIT_S)
        ended = process.poll() is not None
        if ended or time.monotonic() >= next_look:
            if complete():
                return Ended.RESULT_COMPLETE
            next_look = time.monotonic() + _LOOK_S
        if ended:
            return Ended.BY_ITSELF
        if time.monotonic() > deadline:
            return Ended.LIMIT


def _drain(pipe: int, output: ClientOutput, wait_s: float) -> None:
    """Pass on what the client has printed; wait at most ``wait_s`` for something."""
    for _ in range(_CHUNKS):
        if not select.select([pipe], [], [], wait_s)[0]:
            return
        data = os.read(pipe, _CHUNK)
        if not data:  # closed; the process may still run
            time.sleep(wait_s)
            return
        output.feed(data)
        wait_s = 0


def _end(process: subprocess.Popen[bytes], place: Place) -> None:
    """End what is left of the client: also what outlived it when it ended by itself."""
    record = ProcessRecord.read(place.record("client"))
    if record and record.pid == process.pid:
        kill(record, _GRACE_S)
    elif process.poll() is None:  # not come as far as recording itself, so without children
        process.kill()
    process.wait(_GRACE_S)
    place.record("client").unlink(missing_ok=True)
