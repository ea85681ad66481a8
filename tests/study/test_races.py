"""The same calls from several processes at once, on both databases."""

import itertools
import time

import optuna  # noqa: F401 - loaded once, before the forks
import pytest

from airtune.records import Role, Score, TrialState
from airtune.study.mirror import sync_optuna
from airtune.study.store import Store


@pytest.fixture
def race_url(store_url):
    """A store with the open run ``dag/race``, on the real clock."""
    with Store.open(store_url) as store:
        task = {"optimization": {"objective": {"metric": "ttft_ms", "direction": "min"}}}
        store.open_run("dag/race", "race-1", "race", "local", task, [])
    return store_url


def begin(store, slot, attempt):
    return store.begin_trial(
        "dag/race", slot, attempt, role=Role.SEARCH, label="x", parameters={}, plan_key="k"
    )


def test_trial_ids_are_given_once(race_url, at_once):
    def work(process):
        with Store.open(race_url) as store:
            slots = range(process * 8, process * 8 + 8)
            claims = [(slot, store.claim("dag/race", slot, "deploy", 0)) for slot in slots]
            return [begin(store, slot, claim.attempt).trial_id for slot, claim in claims]

    ids = list(itertools.chain(*at_once(work, range(4))))
    assert sorted(ids) == list(range(1, 33))


def test_however_many_enter_a_slot_it_has_one_trial_and_one_result(race_url, at_once):
    def work(process):
        with Store.open(race_url) as store:
            attempt = store.claim("dag/race", 0, "deploy", 0).attempt
            begin(store, 0, attempt)
            score = Score(raw=process, penalty=0, score=process)
            store.record_trial("dag/race", 0, attempt, state=TrialState.SUCCEEDED, score=score)
            return attempt

    answers = at_once(work, range(6))
    won = [index for index, answer in enumerate(answers) if isinstance(answer, int)]
    assert won, "the last to enter can always write"
    assert all("FencedError" in answer for answer in answers if isinstance(answer, str))
    with Store.open(race_url) as store:
        (trial,) = store.trials()
        assert trial.trial_id == 1
        assert trial.state is TrialState.SUCCEEDED
        assert trial.score.raw in won


def test_no_device_is_held_twice_and_those_that_need_both_are_served(race_url, at_once):
    devices = ["gpu0", "gpu1"]

    def work(process):
        held = []
        with Store.open(race_url) as store:
            for turn in range(4):
                slot, need = process * 4 + turn, 1 + (process + turn) % 2
                attempt = store.claim("dag/race", slot, "deploy", 0).attempt
                store.enqueue("dag/race", slot, attempt, need, devices)
                ask = ("dag/race", slot, attempt, need, devices, 0)
                while (lease := store.try_lease(*ask)) is None:
                    time.sleep(0.005)
                begun = time.monotonic()
                time.sleep(0.005)
                held += [(device, begun, time.monotonic()) for device in lease.devices]
                store.release("dag/race", slot, attempt=attempt)
        return held

    intervals = sorted(itertools.chain(*at_once(work, range(4))))
    assert len(intervals) == 24, "every slot had its turn"
    for (device, _, end), (other, begin, _) in itertools.pairwise(intervals):
        assert device != other or end <= begin
    with Store.open(race_url) as store:
        assert store.holders() == []


def test_a_dead_owners_lease_is_reclaimed_by_one_only(race_url, at_once):
    with Store.open(race_url) as store:
        attempt = store.claim("dag/race", 0, "deploy", 0).attempt
        lease = store.try_lease("dag/race", 0, attempt, 2, ["gpu0", "gpu1"], 0)

    def work(_):
        with Store.open(race_url) as store:
            taken = store.take_over(lease.run, lease.slot, lease.attempt)
            return bool(taken), store.reclaim(
                lease.model_copy(update={"attempt": lease.attempt + 1})
            )

    takers, reclaimers = zip(*at_once(work, range(4)), strict=True)
    assert sum(takers) == 1
    assert sum(reclaimers) == 1


def test_a_run_of_a_study_that_must_be_alone_is_opened_by_one_only(race_url, at_once):
    def work(process):
        with Store.open(race_url) as store:
            return store.open_run(
                f"dag/{process}", "race-2", "race", "local", {}, [], alone=True
            ).run

    answers = at_once(work, range(4))
    assert sum("StudyBusyError" in answer for answer in answers) == 3


def test_optunas_view_holds_each_trial_once_however_many_write_it(race_url, at_once):
    with Store.open(race_url) as store:
        for slot in range(5):
            attempt = store.claim("dag/race", slot, "deploy", 0).attempt
            begin(store, slot, attempt)
            score = Score(raw=slot, penalty=0, score=slot)
            store.record_trial("dag/race", slot, attempt, state=TrialState.SUCCEEDED, score=score)

    def work(_):
        with Store.open(race_url) as store:
            return sync_optuna(store, "race-1")

    assert sorted(at_once(work, range(2))) == [0, 5]
