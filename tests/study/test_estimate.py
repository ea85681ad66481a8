from pathlib import Path

from tests.study.plan_samples import a_local_task, a_task, some_settings

from airtune.study.estimate import AIRFLOW_S, CLIENT_S, START_S, Estimate, estimate
from airtune.study.plan import make_plan
from airtune.task import Task


def estimated(task: Task, devices: str) -> Estimate:
    settings = some_settings(Path("/srv/tune"), AIRTUNE_DEVICES=devices)
    return estimate(make_plan(task, settings), task, settings)


def test_a_trial_is_a_start_and_its_load_points_at_their_limit() -> None:
    found = estimated(a_task(parameters={"mem_frac": [0.8, 0.9]}), "gpu0")
    # Two load points of two minutes each.
    assert found.load_points_s == 2 * (120 + CLIENT_S)
    assert found.trial_s == START_S["docker"] + found.load_points_s + AIRFLOW_S
    assert (found.trials, found.total_s) == (3, 3 * found.trial_s)


def test_devices_share_the_trials_and_large_trials_take_more_of_them() -> None:
    # Baseline and two of one device, two of two devices: seven device-trials.
    found = estimated(a_task(), "gpu0..1")
    assert found.total_s == 7 * found.trial_s / 2


def test_a_plan_takes_at_least_one_trial() -> None:
    found = estimated(a_task(parameters={"mem_frac": [0.8]}), "gpu0..7")
    assert found.total_s == found.trial_s


def test_the_tasks_own_limits_bound_the_estimate() -> None:
    limited = estimated(a_local_task(timeouts={"load_point_s": 30, "start_s": 2}), "cpu1")
    assert (limited.start_s, limited.load_points_s) == (2, 60)
    shorter = estimated(a_local_task(optimization={"timeout_per_iteration": 50}), "cpu1")
    assert shorter.start_s + shorter.load_points_s == 50


def test_where_the_cluster_decides_one_at_a_time_is_assumed() -> None:
    assert estimated(a_task(deployment_mode="ome"), "gpu0..7").at_once == 1
