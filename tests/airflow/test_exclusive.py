"""Two runs share four devices: never at the same time, and nobody starves."""

from itertools import pairwise
from typing import Any

import pytest

from airtune.records import TrialState
from airtune.testing.fake_task import fake_task

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

RUNS = ("left", "right")
DEVICES = ("fake0", "fake1", "fake2", "fake3")


@pytest.fixture(scope="module")
def runs(site: Any) -> tuple[str, ...]:
    """Two finished runs of 20 search trials each; half of the trials need all devices."""
    for run in RUNS:
        task = fake_task(
            f"exclusive-{run}",
            parameters={"tp_size": [1, 4], "random_seed": list(range(10))},
            rules=[{"seconds": 0.2}],
        )
        site.api.trigger({"task": task}, run)
    for run in RUNS:
        assert site.api.wait(run, timeout_s=500) == "success"
    return RUNS


def _held(site: Any, run: str) -> list[tuple[str, str, str]]:
    """(device, when deploy began to start it, when teardown saw it gone) of every trial."""
    held = []
    for trial in site.trials(run):
        began = site.api.result(run, "slot.deploy", trial.slot)["started_at"]
        ended = site.api.result(run, "slot.teardown", trial.slot)["gone_at"]
        assert trial.devices
        held += [(device, began, ended) for device in trial.devices]
    return held


def test_intervals_of_two_trials_never_overlap_on_a_device(site: Any, runs: Any) -> None:
    held = [one for run in runs for one in _held(site, run)]
    assert {device for device, _, _ in held} == set(DEVICES)
    for device in DEVICES:
        intervals = sorted((began, ended) for name, began, ended in held if name == device)
        assert len(intervals) >= 20
        for (_, ended), (began, _) in pairwise(intervals):
            assert ended <= began


def test_every_trial_is_measured_those_that_need_all_devices_too(site: Any, runs: Any) -> None:
    for run in runs:
        trials = site.trials(run)
        assert len(trials) >= 20
        assert {trial.state for trial in trials} == {TrialState.SUCCEEDED}
        assert sum(len(trial.devices) == len(DEVICES) for trial in trials) >= 5
        assert site.left_of(run) == []


def test_both_runs_advance_together(site: Any, runs: Any) -> None:
    first = {run: min(t.measured_at for t in site.trials(run)) for run in runs}
    last = {run: max(t.measured_at for t in site.trials(run)) for run in runs}
    assert first["right"] < last["left"]
    assert first["left"] < last["right"]
