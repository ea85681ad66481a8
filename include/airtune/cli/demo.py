"""``make demo``: an Airflow of its own, one real tuning run, the verdict, nothing left behind.

Run as ``python -m airtune.cli.demo [local|docker|kubernetes]``. With ``KEEP=1`` Airflow stays up.
The images of the latter two must be there: ``make demo-docker`` and ``make demo-kubernetes`` see to
that first.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

from rich.console import Console

from airtune.cli.api import Api
from airtune.cli.console import open_console
from airtune.cli.duration import duration
from airtune.cli.leftovers import remove_leftovers
from airtune.cli.login import Login
from airtune.cli.run import follow_to_the_end, submit
from airtune.cli.watch import Watched
from airtune.errors import AirtuneError, ApiError
from airtune.settings import Settings
from airtune.stack.__main__ import login_text
from airtune.stack.handle import StackHandle, running_stack
from airtune.stack.health import wait_for_dag
from airtune.stack.stack import Stack
from airtune.task import Task, load_task, load_task_data

EXAMPLES = {
    "local": "local_smollm2.json",
    "docker": "docker_llamacpp.json",
    "kubernetes": "kubernetes_llamacpp.yaml",
}
"""Launcher → the example that its demo runs."""

_FAREWELL_S = 20.0
"""How long an interrupted run's teardowns may take before everything is killed."""


def main(launcher: str = "local") -> int:
    """Run a demo; returns its exit code: 0, 1 if it failed, 2 if there is no such demo, 130 if it
    was interrupted.
    """
    if launcher not in EXAMPLES:
        print(f"no demo of {launcher!r}; write one of {', '.join(EXAMPLES)}", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore SIGINT
        signal.signal(number, _interrupt)
    console = open_console()
    try:
        settings, keep = Settings.load(), os.environ.get("KEEP") == "1"
        return Demo(settings, console, EXAMPLES[launcher], keep=keep).run()
    except KeyboardInterrupt:
        console.print("Interrupted; all that was started has been stopped.")
        return 130
    except (AirtuneError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


class Demo:
    """One demo run.

    A stack that runs already (``make airflow``, or an earlier ``KEEP=1``) is used and left alone.
    """

    def __init__(self, settings: Settings, console: Console, example: str, *, keep: bool) -> None:
        self.settings = settings
        self.console = console
        self.example = settings.home / "examples" / example
        self.keep = keep
        self.folder = settings.home / "var" / "airflow"
        self._stack: Stack | None = None
        self._run = ""

    def run(self) -> int:
        """From start to the verdict; stops all it started whatever happens.

        Raises:
            TaskError: the example cannot be used here.
            StackError: Airflow does not start, or one of its components died.
            ApiError: Airflow refuses.
        """
        task = load_task(self.example)
        dag_id = f"autotune_{task.launcher}"
        began = time.monotonic()
        try:
            with self._airflow(dag_id) as handle:
                code = self._tune(Api(Login.of(handle)), task, dag_id)
        except BaseException:
            if self._stack and self._run:  # Airflow is down, so no task races with this
                with _no_interrupts():
                    remove_leftovers(self.settings, self._run)
            raise
        self.console.print(f"took {duration(time.monotonic() - began)}")
        return code

    @contextlib.contextmanager
    def _airflow(self, dag_id: str) -> Iterator[StackHandle]:
        try:
            handle = running_stack(self.folder) or self._start()
            place = str(self.folder / "stack.json")
            shown = login_text(handle, place, show_password=self.console.is_terminal)
            self.console.print(shown)
            wait_for_dag(handle, dag_id, alive=self._check)
            yield handle
        except BaseException:
            self._stop()
            raise
        if self.keep and self._stack:
            self.console.print(f"Airflow stays up; stop it with: kill {self._stack.leader}")
        else:
            self._stop()

    def _start(self) -> StackHandle:
        self.console.print("Starting Airflow …")
        self._stack = Stack(self.folder, outlive=self.keep)
        return self._stack.start()

    def _tune(self, api: Api, task: Task, dag_id: str) -> int:
        if self._stack:
            # A demo that was killed leaves a run that Airflow takes up again: nobody waits for it.
            for run_id in api.active_runs(dag_id):
                self.console.print(f"ending the unfinished run {run_id}")
                self._end(Watched(api, dag_id, run_id, maximize=False))
        watched = submit(api, task, load_task_data(self.example))
        self._run = f"{watched.dag_id}/{watched.run_id}"
        where = api.run_url(watched.dag_id, watched.run_id)
        self.console.print(f"run {watched.run_id}: {where}")
        try:
            return follow_to_the_end(watched, self.console, self._check)
        except BaseException:
            self._end(watched)
            raise

    def _check(self) -> None:
        if self._stack:
            self._stack.check()

    def _end(self, watched: Watched) -> None:
        """End a run by Airflow's own means, so that its teardowns run; impatient on Ctrl-C."""
        with contextlib.suppress(ApiError, KeyboardInterrupt):
            watched.api.mark_failed(watched.dag_id, watched.run_id)
            deadline = time.monotonic() + _FAREWELL_S
            while time.monotonic() < deadline:
                watched.look()
                if watched.over():
                    remove_leftovers(self.settings, f"{watched.dag_id}/{watched.run_id}")
                    return
                time.sleep(0.5)

    def _stop(self) -> None:
        if self._stack:
            with _no_interrupts():
                self._stack.stop()


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
