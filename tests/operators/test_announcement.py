"""What is told of a run: the outcome, and whether it differs from the one before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airtune.operators.announcement import Announcement, announcement
from airtune.records import Gain, Role, Verdict
from airtune.settings import Settings
from airtune.study.store import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"AIRTUNE_HOME": str(tmp_path)})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


WIN = {"statement": "It wins.", "gain": Gain(pct=12.5, deploys=1)}


def _concluded(store: Store, run: str, seed: int | None, **verdict: Any) -> None:
    """A run of study s-1 with a baseline, and a winner of this seed unless that is None."""
    store.open_run(run, "s-1", "s", "local", {}, [])
    ids = {}
    for slot, (role, parameters) in enumerate(
        [(Role.BASELINE, {}), *([(Role.SEARCH, {"seed": seed})] if seed is not None else [])]
    ):
        attempt = store.claim(run, slot, "deploy", 0).attempt
        key = f"{role}-{seed}"
        what = {"label": key, "parameters": parameters, "plan_key": key}
        ids[role] = store.begin_trial(run, slot, attempt, role=role, **what).trial_id
    found = {"baseline": ids[Role.BASELINE], "best": ids[Role.BASELINE], "statement": "Keep it."}
    if seed is not None:
        found |= {"best": ids[Role.SEARCH], "winner": ids[Role.SEARCH], **WIN}
    store.finish_run(run, Verdict(**(found | verdict)))


def _told(store: Store, settings: Settings, *nights: dict[str, Any]) -> Announcement:
    for number, night in enumerate(nights):
        _concluded(store, f"sweep__s/{number}", **night)
    return announcement(store, settings, f"sweep__s/{len(nights) - 1}")


NOTHING = {"seed": None, "best": None}


@pytest.mark.parametrize(
    ("nights", "kind", "changed"),
    [
        ([{"seed": 1}], "winner", True),
        ([{"seed": 1}, {"seed": 1}], "winner", False),
        ([{"seed": 1}, {"seed": 2}], "winner", True),
        ([{"seed": 1}, {"seed": None}], "keep_baseline", True),
        ([{"seed": None}, {"seed": None}], "keep_baseline", False),
        ([{"seed": None}, {"seed": 1}], "winner", True),
        ([{"seed": None}, NOTHING], "nothing_feasible", True),
        ([NOTHING, NOTHING], "nothing_feasible", False),
        ([{"seed": 1}, {"seed": 2}, {"seed": 2}], "winner", False),
    ],
)
def test_a_verdict_has_changed_if_its_kind_or_its_winner_has(
    store: Store, settings: Settings, nights: list[dict[str, Any]], kind: str, changed: bool
) -> None:
    told = _told(store, settings, *nights)
    assert told.kind == kind
    assert told.changed is changed


def test_the_event_carries_winner_gain_statement_and_results(
    store: Store, settings: Settings
) -> None:
    event = _told(store, settings, {"seed": 1}).event()
    assert event["winner"] == {"seed": 1}
    assert event["gain_pct"] == 12.5
    assert event["statement"] == "It wins."
    assert event["results"] == str(settings.results_dir / "s_results.json")


def test_without_a_winner_there_is_no_gain(store: Store, settings: Settings) -> None:
    told = _told(store, settings, {"seed": None, "gain": Gain(pct=0, deploys=1)})
    assert told.winner is None
    assert told.gain_pct is None


def test_a_run_asked_again_is_compared_with_the_one_before_it(
    store: Store, settings: Settings
) -> None:
    _told(store, settings, {"seed": 1}, {"seed": 1}, {"seed": 2})
    assert announcement(store, settings, "sweep__s/2").changed
    assert not announcement(store, settings, "sweep__s/1").changed
    assert announcement(store, settings, "sweep__s/0").changed


def test_a_run_without_a_verdict_has_nothing_to_tell(store: Store, settings: Settings) -> None:
    store.open_run("sweep__s/0", "s-1", "s", "local", {}, [])
    with pytest.raises(LookupError, match="no verdict"):
        announcement(store, settings, "sweep__s/0")
