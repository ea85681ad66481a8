"""What a night measures anew and what it takes from the study."""

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
)
from airtune.results.conclusion import document_of, used_trials
from airtune.results.summary import summary
from airtune.scoring.verdict import decide
from airtune.settings import Settings
from airtune.study.plan import Plan, make_plan
from airtune.study.store import Store
from airtune.task import Task, read_task
from airtune.testing.fake_task import fake_task


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(tmp_path)})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


class Nights:
    """Runs of one study whose trials take the given milliseconds; None fails."""

    def __init__(self, store: Store, settings: Settings, seeds: list[int], **changes: Any) -> None:
        self.store, self.settings = store, settings
        self.task = read_task(fake_task("t", parameters={"random_seed": seeds}, **changes))
        self.count = 0

    @property
    def plan(self) -> Plan:
        return make_plan(self.task, self.settings)

    def items(self) -> list[dict[str, Any]]:
        return planned_items(self.store, self.task, self.plan, nightly=True)

    def run(self, ms: dict[str, float | None], items: list[dict[str, Any]] | None = None) -> str:
        """Measure what a night plans (or ``items``), conclude it; returns the run's name."""
        self.count += 1
        run, items = f"sweep__t/{self.count}", self.items() if items is None else items
        stored = self.task.model_dump(mode="json")
        self.store.open_run(run, self.plan.study, "t", "local", stored, items)
        for slot, item in enumerate(i["trial"] for i in items if i["reused"] is None):
            self._measure(run, slot, item, ms[item["label"]])
        row = self.store.run(run)
        self.store.finish_run(run, decide(list(used_trials(self.store, row)), self.task))
        return run

    def _measure(self, run: str, slot: int, trial: dict[str, Any], ms: float | None) -> None:
        attempt = self.store.claim(run, slot, "deploy", 0).attempt
        what = {name: trial[name] for name in ("label", "parameters", "plan_key")}
        self.store.begin_trial(run, slot, attempt, role=Role(trial["role"]), **what)
        if ms is None:
            failure = Failure(failure_class=FailureClass.UNHEALTHY, reason="It died.")
            state = failure.failure_class.state
            self.store.record_trial(run, slot, attempt, state=state, failure=failure)
            return
        self.store.record_measurement(run, slot, attempt, 0, point(ms))
        score = Score(raw=ms, penalty=0, score=ms)
        self.store.record_trial(run, slot, attempt, state=TrialState.SUCCEEDED, score=score)

    def best(self, run: str) -> tuple[str, str]:
        """Label of the run's best trial, and the run it was measured in."""
        verdict = self.store.run(run).verdict
        assert verdict is not None
        trials = self.store.trials(study=self.plan.study)
        found = next(trial for trial in trials if trial.trial_id == verdict.best)
        return found.label, found.run


def _measured(items: list[dict[str, Any]]) -> dict[str, str]:
    return {i["trial"]["label"]: i["trial"]["role"] for i in items if i["reused"] is None}


def _reused(items: list[dict[str, Any]]) -> set[str]:
    return {item["trial"]["label"] for item in items if item["reused"] is not None}


FIRST = {"baseline": 50.0, "random_seed=1": 20.0, "random_seed=2": 30.0}


def test_the_first_night_measures_everything(store: Store, settings: Settings) -> None:
    assert _measured(Nights(store, settings, [1, 2]).items()) == {
        "baseline": "baseline",
        "random_seed=1": "search",
        "random_seed=2": "search",
    }


def test_the_next_night_measures_baseline_and_winner_and_takes_the_rest(
    store: Store, settings: Settings
) -> None:
    nights = Nights(store, settings, [1, 2])
    nights.run(FIRST)
    items = nights.items()
    assert _measured(items) == {"baseline": "baseline", "random_seed=1": "finalist"}
    assert _reused(items) == {"random_seed=2"}


def test_the_finalists_figure_counts_and_not_its_old_one(store: Store, settings: Settings) -> None:
    nights = Nights(store, settings, [1, 2])
    nights.run(FIRST)
    second = nights.run({"baseline": 50.0, "random_seed=1": 40.0})
    assert nights.best(second)[0] == "random_seed=2"
    assert _measured(nights.items()) == {"baseline": "baseline", "random_seed=2": "finalist"}


def test_a_finalist_is_taken_by_a_later_night_as_the_newest_figure(
    store: Store, settings: Settings
) -> None:
    nights = Nights(store, settings, [1, 2])
    nights.run(FIRST)
    second = nights.run({"baseline": 50.0, "random_seed=1": 40.0})
    items = nights.items()
    reused = next(item["reused"] for item in items if item["reused"] is not None)
    assert reused in {trial.trial_id for trial in store.trials(run=second)}


def test_a_failed_winner_is_not_saved_by_its_old_figure(store: Store, settings: Settings) -> None:
    nights = Nights(store, settings, [1, 2])
    nights.run(FIRST)
    second = nights.run({"baseline": 50.0, "random_seed=1": None})
    assert nights.best(second)[0] == "random_seed=2"
    assert _measured(nights.items()) == {
        "baseline": "baseline",
        "random_seed=1": "search",
        "random_seed=2": "finalist",
    }


def test_where_the_baseline_is_best_only_it_is_measured(store: Store, settings: Settings) -> None:
    nights = Nights(store, settings, [1, 2])
    nights.run({"baseline": 10.0, "random_seed=1": 20.0, "random_seed=2": 30.0})
    items = nights.items()
    assert _measured(items) == {"baseline": "baseline"}
    assert _reused(items) == {"random_seed=1", "random_seed=2"}


def test_a_winner_that_the_space_has_no_more_is_not_measured(
    store: Store, settings: Settings
) -> None:
    Nights(store, settings, [1, 2]).run(FIRST)
    assert _measured(Nights(store, settings, [2, 3]).items()) == {
        "baseline": "baseline",
        "random_seed=3": "search",
    }


def test_a_night_continues_what_a_run_by_hand_has_begun(store: Store, settings: Settings) -> None:
    nights = Nights(store, settings, [1, 2])
    by_hand = planned_items(store, nights.task, nights.plan)
    nights.run(FIRST, by_hand)
    assert _measured(nights.items()) == {"baseline": "baseline", "random_seed=1": "finalist"}


def test_a_schedule_does_not_make_the_question_another_one(
    store: Store, settings: Settings
) -> None:
    nights = Nights(store, settings, [1, 2], schedule="@daily")
    nights.run(FIRST)
    nights.run({"baseline": 50.0, "random_seed=1": 20.0})
    plain: Task = Nights(store, settings, [1, 2]).task
    assert _measured(planned_items(store, plain, nights.plan)) == {}


def test_rerun_measures_everything_as_a_search_trial(store: Store, settings: Settings) -> None:
    Nights(store, settings, [1, 2]).run(FIRST)
    again = Nights(store, settings, [1, 2], rerun=True)
    assert set(_measured(again.items()).values()) == {"baseline", "search"}


def test_the_results_of_a_night_show_the_finalist_once(store: Store, settings: Settings) -> None:
    nights = Nights(store, settings, [1, 2])
    nights.run(FIRST)
    second = nights.run({"baseline": 50.0, "random_seed=1": 19.0})
    document = document_of(store, store.run(second), settings)
    shown = {(trial.label, trial.role.value, trial.run_id == second) for trial in document.trials}
    assert shown == {
        ("baseline", "baseline", True),
        ("random_seed=1", "finalist", True),
        ("random_seed=2", "search", False),
    }
    assert document.winner is not None
    assert document.winner.parameters == {"random_seed": 1}
    assert "finalist" in summary(document)


def test_a_finalist_that_was_not_measured_is_missing(store: Store, settings: Settings) -> None:
    nights = Nights(store, settings, [1, 2])
    nights.run(FIRST)
    stored = nights.task.model_dump(mode="json")
    store.open_run("sweep__t/cut", nights.plan.study, "t", "local", stored, nights.items())
    document = document_of(store, store.run("sweep__t/cut"), settings)
    missing = [trial.role.value for trial in document.trials if trial.state.value == "missing"]
    assert missing == ["baseline", "finalist"]
