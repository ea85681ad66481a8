"""Following a run over REST until it has ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.live import Live

from airtune.cli.api import Api
from airtune.cli.progress import BENCHMARK, RunProgress, SlotProgress, run_progress
from airtune.cli.screen import live_table, slot_line
from airtune.cli.task_state import ACTIVE, TaskState

_POLL_S = 1.0


@dataclass
class Watched:
    """A run as it is followed; answers that cannot change are asked for once.

    Attributes:
        maximize: True when a higher score is better.
    """

    api: Api
    dag_id: str
    run_id: str
    maximize: bool
    tasks: list[TaskState] = field(default_factory=list)
    _labels: list[str] | None = None
    _summaries: dict[int, dict[str, Any]] = field(default_factory=dict)

    def look(self) -> RunProgress | None:
        """The run now; None while ``plan`` has not ended.

        Raises:
            ApiError: Airflow cannot be asked any more.
        """
        self.tasks = self.api.tasks(self.dag_id, self.run_id)
        if self._labels is None:
            if self._state("plan") != "success":
                return None
            slots = self.api.xcom(self.dag_id, self.run_id, "plan") or []
            self._labels = [str(slot["label"]) for slot in slots]
        for task in self.tasks:
            if task.task_id == BENCHMARK and task.state == "success" and task.map_index >= 0:
                self._summary(task.map_index)
        return run_progress(
            self._labels,
            self.tasks,
            self._summaries,
            maximize=self.maximize,
            now=datetime.now(UTC),
        )

    def over(self) -> bool:
        """True once the run has ended and none of its tasks is active (teardowns go on)."""
        state = self.api.run_state(self.dag_id, self.run_id)
        if state not in {"success", "failed"}:
            return False
        return not any(task.state in ACTIVE for task in self.tasks)

    def _summary(self, slot: int) -> None:
        if slot not in self._summaries:
            found = self.api.xcom(self.dag_id, self.run_id, BENCHMARK, slot)
            if isinstance(found, dict):
                self._summaries[slot] = found

    def _state(self, task_id: str) -> str | None:
        return next((task.state for task in self.tasks if task.task_id == task_id), None)


def follow(watched: Watched, console: Console, check: Callable[[], None] = lambda: None) -> None:
    """Show progress until the run is over: a live table, or lines where output is no terminal.

    ``check`` is called at each look and may raise when waiting has become pointless.

    Raises:
        ApiError: Airflow cannot be asked any more.
    """
    if not console.is_terminal:
        _follow_in_lines(watched, console, check)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            check()
            over = watched.over()
            progress = watched.look()
            if progress is not None:
                live.update(live_table(progress))
            if over:
                return
            time.sleep(_POLL_S)


def _follow_in_lines(watched: Watched, console: Console, check: Callable[[], None]) -> None:
    told: dict[int, tuple[str, str, float | None]] = {}
    while True:
        check()
        over = watched.over()
        progress = watched.look()
        for slot in progress.slots if progress else ():
            if told.get(slot.slot) != _news(slot):
                told[slot.slot] = _news(slot)
                console.print(slot_line(slot), markup=False)
        if over:
            return
        time.sleep(_POLL_S)


def _news(slot: SlotProgress) -> tuple[str, str, float | None]:
    return slot.phase.value, slot.outcome, slot.score
