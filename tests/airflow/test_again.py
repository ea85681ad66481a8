"""A study survives its runs: what is known is re-used, and the API tells the verdict."""

import json
from typing import Any

import pytest

from airtune.stack.health import open_client
from airtune.testing.fake_task import fake_task

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}


def _task(seeds: list[int]) -> dict[str, Any]:
    return fake_task("again", parameters={"random_seed": seeds}, rules=[BEST])


@pytest.fixture(scope="module")
def first(site: Any) -> Any:
    site.api.trigger({"task": _task([1, 2])}, "again-1")
    assert site.api.wait("again-1") == "success"
    return site


def test_the_verdict_is_the_result_of_the_run(first: Any) -> None:
    headers = {"Authorization": first.api.authorization}
    path = f"/api/v2/dags/{first.api.dag_id}/dagRuns/again-1/wait"
    with open_client(first.api.url, timeout_s=60) as client:
        answer = client.get(path, params={"interval": 1}, headers=headers)
    last = json.loads(answer.text.strip().splitlines()[-1])
    assert last["state"] == "success"
    assert last["results"]["reduce"]["best"] == "random_seed=1"


def test_a_run_with_nothing_new_measures_nothing_and_repeats_the_verdict_with_its_date(
    first: Any,
) -> None:
    first.api.trigger({"task": _task([1, 2])}, "again-2")
    assert first.api.wait("again-2") == "success"
    result, before = first.api.result("again-2"), first.api.result("again-1")
    assert result["measured"] == 0
    assert result["reused"] == 3
    assert result["verdict"]["best"] == before["verdict"]["best"]
    assert "Nothing new was measured" in result["verdict"]["statement"]
    assert before["verdict"]["measured_at"][:10] in result["verdict"]["statement"]


def test_a_wider_space_measures_what_is_new_and_the_baseline(first: Any) -> None:
    first.api.trigger({"task": _task([1, 2, 3])}, "again-3")
    assert first.api.wait("again-3") == "success"
    labels = {trial.label for trial in first.trials("again-3")}
    assert labels == {"baseline", "random_seed=3"}
    assert first.api.result("again-3")["best"] == "random_seed=1"
    assert first.api.result("again-3")["reused"] == 2


def test_rerun_measures_everything_again(first: Any) -> None:
    first.api.trigger({"task": _task([1, 2]), "rerun": True}, "again-4")
    assert first.api.wait("again-4") == "success"
    assert first.api.result("again-4")["measured"] == 3
