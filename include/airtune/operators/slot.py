"""A slot as one of its tasks sees it: what is planned, what the store knows, whose turn it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airtune.errors import TrialFailed
from airtune.launchers.local.launcher import LocalLauncher
from airtune.operators.pool import pool_of
from airtune.operators.retries import FinalTrialFailed
from airtune.processes.place import Place
from airtune.records import Device, Failure, Role, ServerSpec, SlotSpec, Trial, TrialState
from airtune.settings import Settings
from airtune.study.store import Store

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from airtune.launchers.launcher import Launcher
    from airtune.study.runs import RunRow
    from airtune.task import Task

FINAL_STATES = frozenset({TrialState.SUCCEEDED, TrialState.INFEASIBLE})
"""A trial in one of these is not run again in the same generation."""


class Slot:
    """One mapped index, entered by one task process.

    Entering hands out a new attempt number; from then on every older attempt of the slot is
    fenced off: the store refuses its writes and it may remove nothing.

    Attributes:
        spec: ids and label, as ``plan`` returned them.
        generation: grows when a task of the slot is cleared.
        attempt: grows with every task process that enters.
        renewed: what an older generation has left must go before a trial begins.
        launch: makes ``launcher``, which may need a connection that is not there now.
        say: gets what a person following the task should see.
    """

    def __init__(self, spec: SlotSpec, store: Store, settings: Settings) -> None:
        self.spec = spec
        self.store = store
        self.settings = settings
        self.launch: Callable[[], Launcher] = lambda: LocalLauncher(settings)
        self.say: Callable[[str], None] = lambda text: None
        self.generation = 0
        self.attempt = 0
        self.renewed = False

    @classmethod
    def of(cls, spec: Any) -> "Slot":
        """The slot of a rendered ``spec``, not yet entered."""
        settings = Settings.load()
        return cls(SlotSpec.model_validate(spec), Store.open(settings.store_url), settings)

    @classmethod
    def enter(cls, spec: Any, ti: "RuntimeTaskInstanceProtocol", task: str) -> "Slot":
        """Enter as ``deploy``, ``benchmark`` or ``teardown``; older attempts are fenced off."""
        slot = cls.of(spec)
        # Clearing a task raises its max_tries by the tries it has had; retrying does not.
        clears = ti.max_tries - (ti.task.retries or 0)
        claim = slot.store.claim(slot.spec.run, slot.spec.slot, task, clears)
        slot.renewed = claim.renewed
        slot.generation, slot.attempt = claim.generation, claim.attempt
        return slot

    @cached_property
    def launcher(self) -> "Launcher":
        """What starts and removes this slot's servers.

        Raises:
            TrialFailed: ``infrastructure``: it cannot be reached.
        """
        return self.launch()

    @cached_property
    def run(self) -> "RunRow":
        """The run as ``plan`` stored it."""
        return self.store.run(self.spec.run)

    @cached_property
    def planned(self) -> dict[str, Any]:
        """The planned trial of this slot, as JSON."""
        planned: dict[str, Any] = self.run.plan[self.spec.slot]["trial"]
        return planned

    @cached_property
    def server(self) -> ServerSpec:
        """The server that this slot starts."""
        return ServerSpec.model_validate(self.planned["server"])

    @cached_property
    def task(self) -> "Task":
        """The user's task."""
        from airtune.task import Task

        return Task.model_validate(self.run.task)

    @property
    def pool(self) -> tuple[Device, ...]:
        """The devices that this run's launcher has; those of other hosts are not among them."""
        return pool_of(self.run.launcher, self.settings)

    @property
    def place(self) -> Place:
        """Where this attempt's processes are recorded."""
        return Place.of(self.settings.run_dir, self.spec.run, self.spec.slot, self.attempt)

    def trial_folder(self, trial_id: int) -> Path:
        """``benchmark_results/{task_name}-exp{id}``, made if missing."""
        folder = self.settings.benchmark_dir / f"{self.run.task_name}-exp{trial_id}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def begin(self) -> Trial:
        """This generation's trial; the same one however often a task is retried."""
        return self.store.begin_trial(
            self.spec.run,
            self.spec.slot,
            self.attempt,
            role=Role(self.planned["role"]),
            label=self.spec.label,
            parameters=self.planned["parameters"],
            plan_key=self.planned["plan_key"],
        )

    def update(self, **fields: Any) -> None:
        """Write fields of the trial now.

        Raises:
            FencedError: a newer attempt has taken over; nothing was written.
        """
        self.store.record_trial(self.spec.run, self.spec.slot, self.attempt, **fields)

    def is_current(self) -> bool:
        """False once a newer attempt has entered: then this one must not touch anything."""
        return self.store.current(self.spec.run, self.spec.slot).attempt == self.attempt

    @contextmanager
    def failures_recorded(self) -> Iterator[None]:
        """Record a ``TrialFailed`` at once; decide by its class whether a retry is worth it."""
        try:
            yield
        except TrialFailed as error:
            raise self._recorded(error.failure) from error

    def _recorded(self, failure: Failure) -> TrialFailed:
        self.update(state=failure.failure_class.state, failure=failure)
        known = self.store.failures_of(self.spec.run, self.spec.slot, self.generation)
        tries = known.count(failure.failure_class)
        again = tries <= failure.failure_class.retries
        return TrialFailed(failure) if again else FinalTrialFailed(failure)

    @contextmanager
    def removed_on_failure(self) -> Iterator[None]:
        """On any failure, a kill included, end what this slot started, unless taken over."""
        try:
            yield
        except BaseException:
            if self.is_current():
                self._remove_quietly()
            raise

    def _remove_quietly(self) -> None:
        try:
            self.remove()
        except TrialFailed as error:  # what failed first is the news; teardown tries again
            self.say(f"clean-up is left to teardown: {error}")

    def remove(self) -> int:
        """End all that the slot has started up to this attempt; how many were alive.

        Raises:
            TrialFailed: ``infrastructure``: something could not be ended.
        """
        return self._removed(self.attempt)

    def remove_earlier(self) -> None:
        """The same up to the attempt before this one.

        Raises:
            TrialFailed: as ``remove``.
        """
        self._removed(self.attempt - 1)

    def _removed(self, attempt: int) -> int:
        run, slot = self.spec.run, self.spec.slot
        # A client is a process of this host, whatever the server is.
        ended = LocalLauncher(self.settings).remove(run, slot, attempt)
        if self.run.launcher != "local":
            ended += self.launcher.remove(run, slot, attempt)
        return ended

    def release(self) -> None:
        """Give the devices back, unless a newer attempt has taken the slot over."""
        self.store.release(self.spec.run, self.spec.slot, attempt=self.attempt)
