"""The arithmetic of the overhead benchmark."""

from dataclasses import replace

import pytest
from benchmarks.overhead.report import markdown, one_device, scaling
from benchmarks.overhead.timeline import (
    Phases,
    TaskTimes,
    TrialTimes,
    cost_per_trial,
    gaps,
    median_phases,
    trials_per_hour,
)


def _trial(at: float, device: str = "fake0") -> TrialTimes:
    """Leased at ``at``; 1 s of start, 2 s of measuring, and 0.1 s for everything between."""
    return TrialTimes(
        device=device,
        deploy=TaskTimes(queued=at - 0.5, started=at - 0.4, executes=at - 0.3, ended=at + 1.1),
        benchmark=TaskTimes(at + 1.2, at + 1.3, at + 1.4, at + 3.5),
        teardown=TaskTimes(at + 3.6, at + 3.7, at + 3.8, at + 4.2),
        leased=at,
        gone=at + 3.9,
        start_s=1.0,
        measure_s=2.0,
    )


def test_the_cost_is_what_is_left_of_the_wall_after_starting_and_measuring() -> None:
    trials = [_trial(100.0), _trial(104.0)]
    # From 99.6 to 108.2 are 8.6 s, of which 6 s are starting and measuring.
    assert cost_per_trial(trials) == pytest.approx(2.6 / 2)


def test_the_phases_add_up_to_the_gap_between_two_leases() -> None:
    [phases] = gaps([_trial(104.0), _trial(100.0)])
    assert phases.gap == pytest.approx(4.0 - 3.0)
    expected = Phases(0.1, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1)
    assert median_phases([phases]) == pytest.approx(median_phases([expected]))


def test_a_gap_is_between_trials_of_the_same_device() -> None:
    trials = [_trial(100.0, "fake0"), _trial(100.5, "fake1"), _trial(104.0, "fake0")]
    assert [phases.gap for phases in gaps(trials)] == pytest.approx([1.0])


def test_two_devices_do_twice_the_trials_of_one_in_the_same_time() -> None:
    one = [_trial(100.0), _trial(104.0)]
    report = scaling(one, one + [replace(trial, device="fake1") for trial in one], devices=2)
    assert report["ratio"] == pytest.approx(2.0)
    assert report["trials_per_hour"]["one"] == pytest.approx(trials_per_hour(one))
    assert report["gap_s"]["many"] == pytest.approx(report["gap_s"]["one"])


def test_the_table_names_the_median_of_the_runs() -> None:
    runs = [[_trial(100.0), replace(_trial(104.0), start_s=start)] for start in (0.0, 1.0, 3.0)]
    report = {
        "machine": {"cores": 2, "load_before": 0.1, "load_after": 1.0},
        "one_device": one_device(runs),
    }
    assert "costs 1.30 s a trial" in markdown(report)
