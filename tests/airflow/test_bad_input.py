"""Bad input fails in ``plan`` with a message that names the fix; nothing is started."""

from typing import Any

import pytest

from airtune.testing.fake_task import fake_task

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]


def _task(**changes: Any) -> dict[str, Any]:
    return {**fake_task("bad-input", parameters={"random_seed": [1, 2]}), **changes}


def _llama(**model: Any) -> dict[str, Any]:
    task = _task(engine="llama_cpp", model={"name": "m", **model}, parameters={"parallel": [1]})
    return {name: value for name, value in task.items() if name != "env"}


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown-key": ({"tsk": _task()}, "Did you mean 'task'?"),
    "nothing": ({}, "no task is given"),
    "two": ({"task": _task(), "task_file": "local_smollm2.json"}, "Send only one"),
    "outside": ({"task_file": "../../etc/passwd"}, "AIRTUNE_TASK_DIRS"),
    "absent": ({"task_file": "local_smolm2.json"}, "local_smollm2.json"),
    "misspelt": ({"task": _task(benchmrk={})}, "benchmark"),
    "other-mode": ({"task_file": "docker_task.json"}, "docker"),
    "no-model": ({"task": _llama(path="var/models/none.gguf")}, "make env"),
    "too-many-devices": ({"task": _task(parameters={"tp_size": [8]})}, "needs 8 devices"),
    "excluded": ({"task": _task(parameter_constraints=["random_seed > 5"])}, "constraint"),
    "too-many": ({"task": _task(parameters={"random_seed": list(range(1100))})}, "max_iterations"),
    "quoted-number": ({"task": _task(parameters={"mem_frac": ["0.8"]})}, "0.8"),
}


@pytest.fixture(scope="module")
def runs(site: Any) -> dict[str, str]:
    """All cases at once."""
    return {case: site.api.trigger(conf, f"bad-{case}") for case, (conf, _) in CASES.items()}


@pytest.mark.parametrize("case", CASES)
def test_plan_says_what_to_write_instead(site: Any, runs: dict[str, str], case: str) -> None:
    run = runs[case]
    assert site.api.wait(run) == "failed"
    log = site.api.log(run, "plan")
    assert CASES[case][1] in log
    assert site.api.task(run, "plan")["try_number"] == 1, "a retry cannot help"
    assert not [t for t in site.api.tasks(run) if t["task_id"] == "slot.deploy" and t["pid"]]


def test_a_study_that_another_run_holds_is_refused(site: Any) -> None:
    task = fake_task("busy", parameters={"random_seed": [1]}, rules=[{"seconds": 15.0}])
    site.api.trigger({"task": task}, "busy-1")
    site.api.until(lambda: site.trials("busy-1"), 120, "the first run to begin")
    site.api.trigger({"task": task}, "busy-2")
    assert site.api.wait("busy-2") == "failed"
    assert "unfinished run autotune_local/busy-1" in site.api.log("busy-2", "plan")
    assert site.api.wait("busy-1") == "success", "the first one was left alone"
