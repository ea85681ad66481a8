"""Starting, watching and ending an Airflow of one's own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from airtune.errors import StackError
from airtune.processes.record import ProcessRecord, kill
from airtune.settings import Settings
from airtune.stack import health
from airtune.stack.affinity import cores_left, pin_session
from airtune.stack.environment import StackOptions, stack_environment
from airtune.stack.handle import StackHandle
from airtune.stack.identity import Identity
from airtune.stack.migration import is_migrated, mark_migrated
from airtune.stack.supervisor import ALREADY_RUNNING

_START_S = 180.0
_STOP_S = 15.0
_PORT_TRIES = 3


class Stack:
    """Airflow's own components, singly, in one session, with all files under one folder.

    Used as a context manager it starts on entry and stops on exit. Nothing but the API server
    opens a port, and that on the loopback interface only.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        extra_env: Mapping[str, str] | None = None,
        outlive: bool = False,
        pin: bool = True,
        dags_folder: Path | None = None,
        plugins_folder: Path | None = None,
        parallelism: int = 4,
        database_url: str | None = None,
        heartbeat_timeout_s: int = 300,
        orphan_interval_s: int = 300,
    ) -> None:
        """Prepare; nothing is started or written yet.

        Args:
            folder: database, logs, keys and ``stack.json``; made if missing.
            settings: ``AIRTUNE_*`` variables that differ from this process's.
            extra_env: any other variables, ``AIRFLOW__*`` included; they win.
            outlive: go on when the process that started it ends.
            pin: keep Airflow off the cores that ``AIRTUNE_DEVICES`` gives to trials.
            dags_folder, plugins_folder: those of ``AIRTUNE_HOME`` unless given.
            parallelism, database_url, heartbeat_timeout_s, orphan_interval_s: see
                ``StackOptions``.

        Raises:
            SettingsError: an ``AIRTUNE_*`` variable is wrong.
        """
        self.folder = folder.resolve()
        self._base = {**os.environ, **(settings or {})}
        self._settings = Settings.load(self._base)
        self._extra = dict(extra_env or {})
        self._outlive = outlive
        self._pin = pin
        home = self._settings.home
        self.options = StackOptions(
            dags_folder=(dags_folder or home / "dags").resolve(),
            plugins_folder=(plugins_folder or home / "plugins").resolve(),
            parallelism=parallelism,
            database_url=database_url,
            heartbeat_timeout_s=heartbeat_timeout_s,
            orphan_interval_s=orphan_interval_s,
        )
        self._handle: StackHandle | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> StackHandle:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> StackHandle:
        """Start all components and return once they are healthy.

        Raises:
            StackError: another stack runs in the folder, or one component did not come up; the
                text names it, shows the end of its log and where the log lies.
        """
        self._end_remains()
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        (self.folder / "airflow.cfg").touch(mode=0o600)  # else Airflow writes one of its own
        identity = Identity.of(self.folder)
        for attempt in range(_PORT_TRIES):
            identity.write_passwords(self.folder / "passwords.json")
            try:
                self._launch(identity)
                break
            except StackError:
                lost_port = "address already in use" in self._tail("api-server")
                if attempt == _PORT_TRIES - 1 or not lost_port:
                    raise
                identity = identity.at_another_port(self.folder)
        self._handle = StackHandle.of(identity)
        self._handle.write(self.folder)
        return self._handle

    def restart(self) -> StackHandle:
        """Stop if running, then start again on the same database, login and port."""
        self.stop()
        return self.start()

    def check(self) -> None:
        """Return if the stack runs.

        Raises:
            StackError: it does not; the text says which component ended and shows its log's end.
        """
        if self._process is None:
            raise StackError(f"no Airflow has been started in {self.folder}")
        if self._process.poll() is not None:
            raise StackError(self._why_ended(self._process.returncode))

    def stop(self) -> None:
        """End every process of the stack, running tasks included; idempotent.

        Raises:
            TimeoutError: something survived SIGKILL.
        """
        record = self._record()
        if record is not None and record.alive:
            os.kill(record.pid, signal.SIGTERM)
        self._reap(_STOP_S)
        if record is not None:
            kill(record, grace_s=0.0)
        (self.folder / "stack.json").unlink(missing_ok=True)

    def kill9(self) -> None:
        """SIGKILL every process of the stack at once, as a crash of the host would (for tests)."""
        record = self._record()
        while record is not None and (members := record.members()):
            for pid in members:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self._reap(0.05)

    @property
    def leader(self) -> int | None:
        """The process whose SIGTERM stops the stack, None before the first start."""
        record = self._record()
        return record.pid if record else None

    @property
    def pids(self) -> list[int]:
        """Processes of the stack's session, task processes included."""
        record = self._record()
        return record.members() if record else []

    def wait_for_dag(self, dag_id: str, timeout_s: float = 60.0) -> None:
        """Return once ``dag_id`` is parsed.

        Raises:
            StackError: not there in time (the text carries import errors), or no stack runs.
        """
        self.check()
        if self._handle is not None:
            health.wait_for_dag(self._handle, dag_id, timeout_s, self.check)

    def _launch(self, identity: Identity) -> None:
        (self.folder / "end.txt").unlink(missing_ok=True)
        env = stack_environment(self._base, self.folder, identity, self.options)
        env |= {"AIRTUNE_HOME": str(self._settings.home)} | self._extra
        migrate = not is_migrated(self.folder, self.options)
        words = [sys.executable, "-m", "airtune.stack.supervisor", str(self.folder)]
        words += ["--outlive"] * self._outlive + ["--migrate"] * migrate
        since = datetime.now(UTC)
        with (self.folder / "logs" / "supervisor.log").open("ab") as log:
            self._process = subprocess.Popen(
                words,
                env=env,
                stdin=subprocess.DEVNULL if self._outlive else subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_healthy(identity.url, since)
        mark_migrated(self.folder, self.options)
        self._keep_off_the_trials()

    def _wait_healthy(self, url: str, since: datetime) -> None:
        deadline = time.monotonic() + _START_S
        try:
            while not health.is_healthy(url, since):
                self.check()
                if time.monotonic() > deadline:
                    raise StackError(
                        f"Airflow is not healthy after {_START_S:.0f} s; "
                        f"see the logs in {self.folder / 'logs'}"
                    )
                time.sleep(0.1)
            health.warm_up(url)
        except BaseException:
            self.stop()
            raise

    def _keep_off_the_trials(self) -> None:
        record = self._record()
        cores = cores_left(self._settings.devices)
        if self._pin and record and cores:
            pin_session(record, cores)

    def _end_remains(self) -> None:
        """A supervisor that was killed alone may have left components behind."""
        record = self._record()
        if record is None:
            return
        if record.alive:
            raise StackError(
                f"an Airflow already runs in {self.folder} (pid {record.pid}); "
                "use it, or stop it before starting another one there"
            )
        kill(record, grace_s=1.0)

    def _record(self) -> ProcessRecord | None:
        return ProcessRecord.read(self.folder / "supervisor.json")

    def _reap(self, timeout_s: float) -> None:
        if self._process is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return

    def _why_ended(self, code: int) -> str:
        if code == ALREADY_RUNNING:
            return f"an Airflow already runs in {self.folder}"
        try:
            reason = (self.folder / "end.txt").read_text().strip()
        except FileNotFoundError:
            reason = f"supervisor ended with exit code {code}"
        component = reason.split(" ended", 1)[0]
        tail = self._tail(component) or self._tail("supervisor")
        return f"Airflow stopped: {reason}; logs are in {self.folder / 'logs'}\n{tail}".rstrip()

    def _tail(self, component: str, size: int = 2000) -> str:
        try:
            data = (self.folder / "logs" / f"{component}.log").read_bytes()
        except FileNotFoundError:
            return ""
        return data[-size:].decode(errors="replace")
