"""What a run's task instances say about its trials; pure, so that it can be tested by example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from airtune.cli.task_state import TaskState
from airtune.study.reap import ENDED

DEPLOY, BENCHMARK, TEARDOWN = "slot.deploy", "slot.benchmark", "slot.teardown"


class Phase(StrEnum):
    """What a slot does just now."""

    WAITING = "waiting"
    STARTING = "starting"
    MEASURING = "measuring"
    REMOVING = "removing"
    DONE = "done"


@dataclass(frozen=True)
class SlotProgress:
    """One trial as the live view shows it.

    Attributes:
        slot: mapped index.
        label: its configuration.
        seconds: since its deploy began (once known: since its server was started), until its
            teardown ended; None before.
        outcome: the trial's state once it is known (``succeeded``, ``failed`` …), else "".
        score: None while unknown, and for a trial without one.
        unit: of the objective, "" while unknown.
    """

    slot: int
    label: str
    phase: Phase = Phase.WAITING
    seconds: float | None = None
    outcome: str = ""
    score: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class RunProgress:
    """All trials of a run at one moment.

    Attributes:
        slots: in slot order.
        maximize: True when a higher score is better.
        elapsed_s: since the first deploy began, 0 before.
    """

    slots: tuple[SlotProgress, ...]
    maximize: bool
    elapsed_s: float = 0.0

    @property
    def done(self) -> int:
        """Trials that are over, torn down included."""
        return sum(slot.phase is Phase.DONE for slot in self.slots)

    @property
    def best(self) -> SlotProgress | None:
        """The best scored trial so far."""
        scored = [slot for slot in self.slots if slot.score is not None]
        sign = -1.0 if self.maximize else 1.0
        return min(scored, key=lambda slot: sign * (slot.score or 0.0), default=None)

    @property
    def remaining_s(self) -> float | None:
        """Expected seconds to the end, from the pace so far; None before the first is over."""
        if not self.done:
            return None
        return self.elapsed_s / self.done * (len(self.slots) - self.done)


def run_progress(
    labels: Sequence[str],
    tasks: Sequence[TaskState],
    summaries: Mapping[int, Mapping[str, Any]],
    *,
    maximize: bool,
    now: datetime,
    started: Mapping[int, datetime] | None = None,
) -> RunProgress:
    """Put a run together.

    Args:
        labels: of the slots, in slot order (what ``plan`` returned).
        tasks: task instances of the run.
        summaries: what ``benchmark`` returned, by slot.
        now: a moment with zone.
        started: when a slot's server was started, where that is known.
    """
    by_slot: dict[int, dict[str, TaskState]] = {}
    for task in tasks:
        by_slot.setdefault(task.map_index, {})[task.task_id] = task
    slots = tuple(
        _slot(
            SlotProgress(index, label),
            by_slot.get(index, {}),
            summaries.get(index),
            (started or {}).get(index),
            now,
        )
        for index, label in enumerate(labels)
    )
    starts = [t.started for t in tasks if t.task_id == DEPLOY and t.started]
    elapsed = (now - min(starts)).total_seconds() if starts else 0.0
    return RunProgress(slots, maximize, elapsed)


def _slot(
    slot: SlotProgress,
    tasks: Mapping[str, TaskState],
    summary: Mapping[str, Any] | None,
    started: datetime | None,
    now: datetime,
) -> SlotProgress:
    phase = _phase({name: task.state for name, task in tasks.items()})
    found = replace(slot, phase=phase, seconds=_seconds(tasks, phase, started, now))
    if summary:
        return replace(
            found,
            outcome=str(summary.get("state", "")),
            score=summary.get("score"),
            unit=summary.get("unit") or "",
        )
    ended_badly = {"failed", "upstream_failed"}
    states = {tasks[name].state for name in (DEPLOY, BENCHMARK) if name in tasks}
    return replace(found, outcome="failed") if states & ended_badly else found


def _phase(states: Mapping[str, str | None]) -> Phase:
    deploy, benchmark, teardown = (states.get(name) for name in (DEPLOY, BENCHMARK, TEARDOWN))
    if teardown in ENDED:
        return Phase.DONE
    if teardown is not None or deploy in ENDED - {"success"} or benchmark in ENDED:
        return Phase.REMOVING
    if deploy == "success":
        return Phase.MEASURING
    return Phase.STARTING if deploy in {"running", "up_for_retry"} else Phase.WAITING


def _seconds(
    tasks: Mapping[str, TaskState], phase: Phase, started: datetime | None, now: datetime
) -> float | None:
    deploy, teardown = tasks.get(DEPLOY), tasks.get(TEARDOWN)
    began = started or (deploy.started if deploy else None)
    if began is None:
        return None
    over = teardown.ended if teardown and phase is Phase.DONE else None
    return max(0.0, ((over or now) - began).total_seconds())
