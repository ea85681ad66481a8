from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtune.cli.progress import Phase, RunProgress, SlotProgress, run_progress
from airtune.cli.task_state import TaskState
from airtune.study.reap import ENDED

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def slot(index: int = 0, ended_s: float | None = None, **states: str | None) -> list[TaskState]:
    """Task instances of one slot; deploy began at T0."""
    ended = T0 + timedelta(seconds=ended_s) if ended_s is not None else None
    return [
        TaskState(
            f"slot.{name}",
            index,
            state,
            started=T0 if state else None,
            ended=ended if name == "teardown" else None,
        )
        for name, state in states.items()
    ]


def progress(
    tasks: list[TaskState], summaries: dict[int, dict[str, Any]] | None = None, **changes: Any
) -> RunProgress:
    options: dict[str, Any] = {"maximize": True, "now": T0 + timedelta(seconds=10)} | changes
    labels = options.pop("labels", ["baseline"])
    return run_progress(labels, tasks, summaries or {}, **options)


@pytest.mark.parametrize(
    ("deploy", "benchmark", "teardown", "phase"),
    [
        (None, None, None, Phase.WAITING),
        ("scheduled", None, None, Phase.WAITING),
        ("queued", None, None, Phase.WAITING),
        ("deferred", None, None, Phase.WAITING),
        ("running", None, None, Phase.STARTING),
        ("up_for_retry", None, None, Phase.STARTING),
        ("success", None, None, Phase.MEASURING),
        ("success", "running", None, Phase.MEASURING),
        ("success", "up_for_retry", None, Phase.MEASURING),
        ("success", "success", None, Phase.REMOVING),
        ("success", "success", "running", Phase.REMOVING),
        ("failed", "upstream_failed", None, Phase.REMOVING),
        ("failed", "upstream_failed", "success", Phase.DONE),
        ("success", "failed", "failed", Phase.DONE),
        ("skipped", "skipped", "skipped", Phase.DONE),
    ],
)
def test_the_phase_follows_from_the_three_tasks(deploy, benchmark, teardown, phase) -> None:
    tasks = slot(deploy=deploy, benchmark=benchmark, teardown=teardown)
    assert progress(tasks).slots[0].phase is phase


def test_a_slot_without_task_instances_waits() -> None:
    assert progress([]).slots == (SlotProgress(0, "baseline"),)


def test_seconds_run_from_deploy_and_stop_with_teardown() -> None:
    running = slot(deploy="success", benchmark="running")
    assert progress(running).slots[0].seconds == 10
    over = slot(deploy="success", benchmark="success", teardown="success", ended_s=4)
    assert progress(over).slots[0].seconds == 4


def test_seconds_leave_out_the_wait_for_devices_once_that_is_known() -> None:
    tasks = slot(deploy="success", benchmark="running")
    found = progress(tasks, started={0: T0 + timedelta(seconds=7)})
    assert found.slots[0].seconds == 3


def test_a_failed_deploy_is_a_failed_trial() -> None:
    tasks = slot(deploy="failed", benchmark="upstream_failed", teardown="success")
    assert progress(tasks).slots[0].outcome == "failed"


def test_the_trials_own_state_wins_over_its_tasks() -> None:
    tasks = slot(deploy="success", benchmark="success", teardown="success")
    summaries = {0: {"state": "infeasible", "score": None, "unit": "ms"}}
    assert progress(tasks, summaries).slots[0].outcome == "infeasible"


@pytest.mark.parametrize(("maximize", "best"), [(True, "b"), (False, "a")])
def test_the_best_is_the_highest_or_the_lowest_score(maximize: bool, best: str) -> None:
    tasks = [one for index in range(3) for one in slot(index, deploy="success")]
    summaries = {0: {"score": 1.0}, 1: {"score": 2.0}, 2: {"score": None}}
    found = progress(tasks, summaries, labels=["a", "b", "c"], maximize=maximize).best
    assert found is not None
    assert found.label == best


def test_the_time_left_follows_the_pace_so_far() -> None:
    over = slot(deploy="success", benchmark="success", teardown="success", ended_s=9)
    run = progress(over, labels=["a", "b", "c"])
    assert run.done == 1
    assert run.remaining_s == 20


def test_no_time_left_is_told_before_a_trial_is_over() -> None:
    assert progress(slot(deploy="running")).remaining_s is None


@given(
    st.lists(
        st.tuples(*[st.sampled_from([None, "queued", "running", *sorted(ENDED)])] * 3), max_size=5
    )
)
def test_any_states_give_one_row_a_label_and_no_more_done_than_slots(states) -> None:
    tasks = [
        one
        for index, (deploy, benchmark, teardown) in enumerate(states)
        for one in slot(index, deploy=deploy, benchmark=benchmark, teardown=teardown)
    ]
    run = progress(tasks, labels=[str(index) for index in range(len(states))])
    assert len(run.slots) == len(states)
    assert run.done == sum(teardown in ENDED for *_, teardown in states)
