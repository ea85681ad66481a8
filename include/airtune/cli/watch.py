"""Following a run over REST until it has ended."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any

from rich.console import Console
from rich.live import Live

from airtune.cli.api import Api
from airtune.cli.progress import BENCHMARK, DEPLOY, RunProgress, SlotProgress, run_progress
from airtune.cli.screen import live_table, slot_line
from airtune.cli.task_state import TaskState
from airtune.study.reap import ACTIVE, RUN_ENDED

_POLL_S = (0.1, 0.2, 0.4, 0.7, 1.0)
"""Pauses between looks: short at first, the last one from then on."""


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
    _answers: dict[str, dict[int, dict[str, Any]]] = field(
        default_factory=lambda: {DEPLOY: {}, BENCHMARK: {}}
    )

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
            if task.state == "success" and task.map_index >= 0:
                self._ask_once(task)
        return run_progress(
            self._labels,
            self.tasks,
            self._answers[BENCHMARK],
            started=_started(self._answers[DEPLOY]),
            maximize=self.maximize,
            now=datetime.now(UTC),
        )

    def over(self) -> bool:
        """True once the run has ended and none of its tasks is active (teardowns go on)."""
        state = self.api.run_state(self.dag_id, self.run_id)
        if state not in RUN_ENDED:
            return False
        return not any(task.state in ACTIVE for task in self.tasks)

    def _ask_once(self, task: TaskState) -> None:
        known = self._answers.get(task.task_id)
        if known is not None and task.map_index not in known:
            found = self.api.xcom(self.dag_id, self.run_id, task.task_id, task.map_index)
            known[task.map_index] = found if isinstance(found, dict) else {}

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
        for progress in _looks(watched, check):
            if progress is not None:
                live.update(live_table(progress))


def _follow_in_lines(watched: Watched, console: Console, check: Callable[[], None]) -> None:
    told: dict[int, tuple[str, str, float | None]] = {}
    for progress in _looks(watched, check):
        for slot in progress.slots if progress else ():
            if told.get(slot.slot) != _news(slot):
                told[slot.slot] = _news(slot)
                console.print(slot_line(slot))


def _looks(watched: Watched, check: Callable[[], None]) -> Iterator[RunProgress | None]:
    """Looks at the run until it is over; the last one is made after that was seen."""
    for pause in chain(_POLL_S, repeat(_POLL_S[-1])):
        check()
        over = watched.over()
        yield watched.look()
        if over and watched.over():
            return
        time.sleep(pause)


def _news(slot: SlotProgress) -> tuple[str, str, float | None]:
    return slot.phase.value, slot.outcome, slot.score


def _started(deploys: Mapping[int, Mapping[str, Any]]) -> dict[int, datetime]:
    """When each server was started: its deploy may have waited for devices long before."""
    moments = {slot: deploy.get("started_at") for slot, deploy in deploys.items()}
    return {slot: datetime.fromisoformat(text) for slot, text in moments.items() if text}
