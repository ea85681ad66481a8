"""All of Airflow is killed in the middle of a run and started again."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from airtune.processes.record import ProcessRecord
from airtune.records import TrialState
from airtune.testing.fake_task import fake_task

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

RUN = "crash"


@pytest.fixture(scope="module")
def crashed(make_site: Callable[..., Any]) -> Iterator[tuple[Any, dict[int, Any]]]:
    """A run that went on after kill -9 of everything, and the trials it had before."""
    site = make_site("fake0..1")
    best = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}
    task = fake_task(
        "crash", parameters={"random_seed": [1, 2, 3, 4]}, rules=[{"seconds": 6.0}, best]
    )
    site.api.trigger({"task": task}, RUN)
    # Both devices' servers are measured: one that is being started at that moment is nobody's yet,
    # and may be started again.
    under_way = partial(_under_way, site)
    site.api.until(under_way, 200, "a trial, and two more to be measured")
    before = {trial.trial_id: trial for trial in _finished(site)}
    site.stack.kill9()
    _wait_for_clients_to_end(site)
    site.stack.start()
    site.stack.wait_for_dag("autotune_local")
    site.api.wait(RUN, timeout_s=300)
    yield site, before
    site.close()


def _finished(site: Any) -> list[Any]:
    return [trial for trial in site.trials(RUN) if trial.state is TrialState.SUCCEEDED]


def _under_way(site: Any) -> bool:
    return bool(_finished(site)) and len(_measuring(site)) == 2


def _measuring(site: Any) -> list[ProcessRecord]:
    """Live clients of the run."""
    paths = (site.record(RUN, slot, "client") for slot in range(5))
    records = [ProcessRecord.read(path) for path in paths if path]
    return [record for record in records if record and record.alive]


def _wait_for_clients_to_end(site: Any) -> None:
    """Clients die with their task; servers go on."""
    deadline = time.monotonic() + 10
    while _measuring(site):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_run_goes_on_to_its_verdict(crashed: tuple[Any, Any]) -> None:
    site, _ = crashed
    assert site.api.run_state(RUN) == "success"
    assert site.api.result(RUN)["best"] == "random_seed=1"
    assert {trial.state for trial in site.trials(RUN)} == {TrialState.SUCCEEDED}


def test_what_was_finished_is_not_measured_again(crashed: tuple[Any, Any]) -> None:
    site, before = crashed
    assert before
    after = {trial.trial_id: trial for trial in site.trials(RUN)}
    assert len(after) == 5, "no trial has a second row"
    for trial_id, trial in before.items():
        assert after[trial_id].load_points == trial.load_points
        assert after[trial_id].measured_at == trial.measured_at


def test_no_server_was_started_twice(crashed: tuple[Any, Any]) -> None:
    site, _ = crashed
    for trial in site.trials(RUN):
        log = site.settings.benchmark_dir / f"crash-exp{trial.trial_id}" / "server.log"
        assert log.read_text().count("listens on port") == 1


def test_nothing_is_left(crashed: tuple[Any, Any]) -> None:
    site, _ = crashed
    assert site.left_of(RUN) == []
