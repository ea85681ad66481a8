"""What a run measures and what it takes from its study."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.operators.points import point

from airtune.operators.planning import planned_items
from airtune.records import (
    Failure,
    FailureClass,
    Role,
    Score,
    TrialState,
    Verdict,
)
from airtune.settings import Settings
from airtune.study.plan import Plan, make_plan
from airtune.study.store import Store
from airtune.task import Task, read_task
from airtune.testing.fake_task import fake_task

POINT = point(50)
SCORE = Score(raw=50, penalty=0, score=50)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(tmp_path)})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def _task(seeds: list[int], **changes: Any) -> Task:
    return read_task(fake_task("t", parameters={"random_seed": seeds}, **changes))


def _measure(
    store: Store, run: str, task: Task, plan: Plan, failed: FailureClass | None = None
) -> None:
    """Run everything that ``plan`` asks for; the last trial fails if ``failed`` says so."""
    items = planned_items(store, task, plan)
    store.open_run(run, plan.study, "t", "local", task.model_dump(mode="json"), items)
    measured = [item["trial"] for item in items if item["reused"] is None]
    baseline = None
    for slot, trial in enumerate(measured):
        attempt = store.claim(run, slot, "deploy", 0).attempt
        what = {name: trial[name] for name in ("label", "parameters", "plan_key")}
        begun = store.begin_trial(run, slot, attempt, role=Role(trial["role"]), **what)
        baseline = begun.trial_id if trial["role"] == "baseline" else baseline
        store.record_measurement(run, slot, attempt, 0, POINT)
        if failed and slot == len(measured) - 1:
            failure = Failure(failure_class=failed, reason="why")
            store.record_trial(run, slot, attempt, failure=failure)
        else:
            store.record_trial(run, slot, attempt, state=TrialState.SUCCEEDED, score=SCORE)
    store.finish_run(run, Verdict(statement="done", baseline=baseline, best=baseline))


def _labels(items: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    measured = [item["trial"]["label"] for item in items if item["reused"] is None]
    reused = [item["trial"]["label"] for item in items if item["reused"] is not None]
    return measured, reused


def _next(store: Store, settings: Settings, task: Task) -> tuple[list[str], list[str]]:
    return _labels(planned_items(store, task, make_plan(task, settings)))


def test_a_new_study_measures_everything(store: Store, settings: Settings) -> None:
    measured, reused = _next(store, settings, _task([1, 2]))
    assert measured == ["baseline", "random_seed=1", "random_seed=2"]
    assert reused == []


def test_the_same_task_again_measures_nothing(store: Store, settings: Settings) -> None:
    task = _task([1, 2])
    _measure(store, "d/1", task, make_plan(task, settings))
    measured, reused = _next(store, settings, task)
    assert measured == []
    assert sorted(reused) == ["baseline", "random_seed=1", "random_seed=2"]


def test_something_new_brings_the_baseline_with_it(store: Store, settings: Settings) -> None:
    task = _task([1, 2])
    _measure(store, "d/1", task, make_plan(task, settings))
    measured, reused = _next(store, settings, _task([1, 2, 3]))
    assert measured == ["baseline", "random_seed=3"]
    assert sorted(reused) == ["random_seed=1", "random_seed=2"]


def test_a_narrower_space_gets_a_verdict_of_its_own(store: Store, settings: Settings) -> None:
    task = _task([1, 2])
    _measure(store, "d/1", task, make_plan(task, settings))
    measured, _ = _next(store, settings, _task([1]))
    assert measured == ["baseline"]


def test_another_minimum_gain_gets_a_verdict_of_its_own(store: Store, settings: Settings) -> None:
    task = _task([1, 2])
    _measure(store, "d/1", task, make_plan(task, settings))
    objective = {"strategy": "grid_search", "objective": "minimize_latency", "min_gain_pct": 9}
    measured, _ = _next(store, settings, _task([1, 2], optimization=objective))
    assert measured == ["baseline"]


def test_another_description_changes_nothing(store: Store, settings: Settings) -> None:
    task = _task([1, 2])
    _measure(store, "d/1", task, make_plan(task, settings))
    measured, _ = _next(store, settings, _task([1, 2], description="other words"))
    assert measured == []


def test_rerun_measures_everything_again(store: Store, settings: Settings) -> None:
    task = _task([1, 2])
    _measure(store, "d/1", task, make_plan(task, settings))
    measured, reused = _next(store, settings, _task([1, 2], rerun=True))
    assert len(measured) == 3
    assert reused == []


def test_a_failed_trial_is_tried_again_an_infeasible_one_is_not(
    store: Store, settings: Settings
) -> None:
    for run, cause, again in (("d/1", FailureClass.UNHEALTHY, True), ("d/2", None, False)):
        task = _task([1, 2])
        _measure(store, run, task, make_plan(task, settings), cause)
        measured, _ = _next(store, settings, task)
        assert ("random_seed=2" in measured) is again
    task = _task([5, 6])
    _measure(store, "d/3", task, make_plan(task, settings), FailureClass.OOM)
    assert _next(store, settings, task)[0] == []


def test_what_is_measured_comes_first_because_its_index_is_the_slot(
    store: Store, settings: Settings
) -> None:
    task = _task([1])
    _measure(store, "d/1", task, make_plan(task, settings))
    items = planned_items(store, _task([1, 2]), make_plan(_task([1, 2]), settings))
    assert [item["reused"] is None for item in items] == [True, True, False]
