"""All of Airflow killed, and the Docker Engine restarted, while containers are measured."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.airflow.docker.conftest import DockerSite, docker_task

from airtune.records import TrialState
from airtune.testing.docker_disposable import Disposable

pytestmark = [pytest.mark.airflow, pytest.mark.docker, pytest.mark.timeout(900)]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}


@pytest.fixture(scope="module")
def crashed(
    make_docker_site: Callable[..., DockerSite], models: str
) -> Iterator[tuple[DockerSite, dict[int, Any]]]:
    """A run that went on after kill -9 of everything, and the trials it had before."""
    site = make_docker_site("fake0..1")
    task = docker_task(
        "crash",
        models=models,
        parameters={"random_seed": [1, 2, 3, 4]},
        rules=[{"seconds": 6.0}, BEST],
    )
    site.api.trigger({"task": task}, "crash")
    site.api.until(lambda: _finished(site) and _servers(site), 300, "a trial and another one")
    before = {trial.trial_id: trial for trial in _finished(site)}
    site.site.stack.kill9()
    site.site.stack.start()
    site.site.stack.wait_for_dag("autotune_docker")
    site.api.wait("crash", timeout_s=400)
    yield site, before
    site.site.close()


def _finished(site: DockerSite) -> list[Any]:
    return [trial for trial in site.site.trials("crash") if trial.state is TrialState.SUCCEEDED]


def _servers(site: DockerSite) -> list[Any]:
    return [one for one in site.containers("crash", role="server") if one["State"] == "running"]


def test_after_kill_9_of_all_of_airflow_the_run_goes_on_to_its_verdict(
    crashed: tuple[DockerSite, dict[int, Any]],
) -> None:
    site, before = crashed
    assert site.api.run_state("crash") == "success"
    assert site.api.result("crash")["best"] == "random_seed=1"
    after = {trial.trial_id: trial for trial in site.site.trials("crash")}
    assert len(after) == 5, "no trial has a second row"
    assert before
    for trial_id, trial in before.items():
        assert after[trial_id].measured_at == trial.measured_at, "it is not measured again"


def test_after_kill_9_of_all_of_airflow_nothing_is_left(
    crashed: tuple[DockerSite, dict[int, Any]],
) -> None:
    site, _ = crashed
    assert site.left_of("crash") == []


@pytest.fixture(scope="module")
def restarted(docker_site: DockerSite, models: str) -> DockerSite:
    """A run in whose middle the engine was restarted, which ends all its containers."""
    task = docker_task(
        "restart",
        models=models,
        parameters={"random_seed": [1, 2]},
        rules=[{"seconds": 20.0}, BEST | {"seconds": 20.0}],
    )
    docker_site.api.trigger({"task": task}, "restart")
    docker_site.api.until(lambda: _measured_now(docker_site), 300, "a trial to be measured")
    Disposable.of_environment().restart()
    docker_site.api.wait("restart", timeout_s=500)
    return docker_site


def _measured_now(site: DockerSite) -> bool:
    # Not the task's state: until its client runs, it would bring the server back without a retry.
    return any(site.site.record("restart", slot, "client") for slot in range(3))


@pytest.mark.disposable
def test_a_restarted_engine_costs_a_retry_and_no_trial(restarted: DockerSite) -> None:
    trials = restarted.site.trials("restart")
    assert {trial.state for trial in trials} == {TrialState.SUCCEEDED}
    assert len(trials) == 3
    assert restarted.api.result("restart")["best"] == "random_seed=1"
    tries = [t["try_number"] for t in restarted.api.tasks("restart") if "benchmark" in t["task_id"]]
    assert max(tries) == 2


@pytest.mark.disposable
def test_a_restart_of_the_engine_is_infrastructure(restarted: DockerSite) -> None:
    slots = [
        (t["map_index"], t["try_number"])
        for t in restarted.api.tasks("restart")
        if t["task_id"] == "slot.benchmark" and t["try_number"] == 2
    ]
    assert slots
    for slot, _ in slots:
        assert "infrastructure" in restarted.api.log("restart", "slot.benchmark", slot, 1)


def test_after_a_restart_of_the_engine_nothing_is_left(restarted: DockerSite) -> None:
    assert restarted.left_of("restart") == []
